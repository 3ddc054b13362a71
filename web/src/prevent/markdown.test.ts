import { describe, expect, it } from "vitest";
import { blocks } from "./markdown";

describe("blocks", () => {
  it("reads what our reports are made of", () => {
    const text = "# 复盘\n\n一段\n两行\n\n- a\n- b\n\n1. c\n\n| 项 | 值 |\n| --- | --- |\n| x | 1 |\n\n```\n| no table |\n```\n";
    expect(blocks(text)).toEqual([
      { kind: "heading", level: 1, text: "复盘" },
      { kind: "text", text: "一段\n两行" },
      { kind: "list", ordered: false, items: ["a", "b"] },
      { kind: "list", ordered: true, items: ["c"] },
      { kind: "table", rows: [["项", "值"], ["x", "1"]] },
      { kind: "code", text: "| no table |" },
    ]);
  });

  it("leaves HTML as text and ends on a fence that is never closed", () => {
    expect(blocks("<script>alert(1)</script>")).toEqual([{ kind: "text", text: "<script>alert(1)</script>" }]);
    expect(blocks("```\nx")).toEqual([{ kind: "code", text: "x" }]);
  });
});
