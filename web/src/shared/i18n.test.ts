import { describe, expect, it } from "vitest";
import { fill } from "./i18n";
import { en } from "./words.en";
import { zh } from "./words.zh";

const sources = import.meta.glob<string>(["../**/*.ts", "../**/*.tsx", "!../**/*.test.ts", "!./words.*.ts"], {
  query: "?raw",
  import: "default",
  eager: true,
});

describe("words", () => {
  const keys = Object.keys(zh) as (keyof typeof zh)[];
  const text = Object.values(sources).join("\n");

  it("finds the sources", () => {
    expect(Object.keys(sources).length).toBeGreaterThan(20);
  });

  it("has every key in both languages, with the same gaps to fill", () => {
    expect(Object.keys(en).sort()).toEqual([...keys].sort());
    const gaps = (template: string) => (template.match(/\{\w+\}/g) ?? []).sort();
    for (const key of keys) {
      expect(zh[key], key).not.toBe("");
      expect(en[key], key).not.toBe("");
      expect(gaps(en[key]), key).toEqual(gaps(zh[key]));
    }
  });

  it("has no key that nothing uses", () => {
    expect(keys.filter((key) => !text.includes(`"${key}"`))).toEqual([]);
  });

  it("leaves no Chinese outside the word lists but the name of the language itself", () => {
    const stray = Object.entries(sources).flatMap(([file, source]) =>
      source
        .split("\n")
        .filter((line) => !/^\s*(\/\*\*|\*|\/\/)/.test(line))
        .filter((line) => /[\u4e00-\u9fff]/.test(line.replace('label: "中文"', "")))
        .map((line) => `${file}: ${line.trim()}`),
    );
    expect(stray).toEqual([]);
  });

  it("fills gaps and leaves unknown ones visible", () => {
    expect(fill("{n} of {all}", { n: 1 })).toBe("1 of {all}");
  });
});
