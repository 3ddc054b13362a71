import { Fragment, type ReactNode } from "react";

export type Block =
  | { kind: "heading"; level: number; text: string }
  | { kind: "list"; ordered: boolean; items: string[] }
  | { kind: "table"; rows: string[][] }
  | { kind: "code"; text: string }
  | { kind: "text"; text: string };

/** The Markdown that our own reports use: headings, lists, tables, fenced code, paragraphs. Everything else is text. */
export function blocks(markdown: string): Block[] {
  const found: Block[] = [];
  const lines = markdown.split("\n");
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const last = found.at(-1);
    const heading = /^(#{1,6})\s+(.*)$/.exec(line);
    const item = /^\s*(?:[-*]|(\d+)\.)\s+(.*)$/.exec(line);
    if (line.startsWith("```")) {
      const end = lines.findIndex((other, index) => index > at && other.startsWith("```"));
      const stop = end < 0 ? lines.length : end;
      found.push({ kind: "code", text: lines.slice(at + 1, stop).join("\n") });
      at = stop;
    } else if (heading) {
      found.push({ kind: "heading", level: heading[1]?.length ?? 1, text: heading[2] ?? "" });
    } else if (item) {
      const ordered = item[1] !== undefined;
      if (last?.kind === "list" && last.ordered === ordered && lines[at - 1]?.trim()) last.items.push(item[2] ?? "");
      else found.push({ kind: "list", ordered, items: [item[2] ?? ""] });
    } else if (line.startsWith("|")) {
      const cells = line.split("|").slice(1, -1).map((cell) => cell.trim());
      if (cells.every((cell) => /^:?-+:?$/.test(cell))) continue;
      if (last?.kind === "table" && lines[at - 1]?.startsWith("|")) last.rows.push(cells);
      else found.push({ kind: "table", rows: [cells] });
    } else if (line.trim() !== "") {
      if (last?.kind === "text" && lines[at - 1]?.trim()) last.text += `\n${line}`;
      else found.push({ kind: "text", text: line });
    }
  }
  return found;
}

/** Bold and code within a line; React escapes the rest. */
function inline(text: string): ReactNode {
  return text.split(/(\*\*[^*]+\*\*|`[^`]+`)/).map((part, at) => {
    if (part.startsWith("**") && part.endsWith("**") && part.length > 4) return <b key={at}>{part.slice(2, -2)}</b>;
    if (part.startsWith("`") && part.endsWith("`") && part.length > 2) return <code key={at}>{part.slice(1, -1)}</code>;
    return <Fragment key={at}>{part}</Fragment>;
  });
}

export function Markdown({ text }: { text: string }) {
  return (
    <div className="wide">
      {blocks(text).map((block, at) => {
        switch (block.kind) {
          case "heading":
            return block.level <= 2 ? <h3 key={at}>{inline(block.text)}</h3> : <h4 key={at}>{inline(block.text)}</h4>;
          case "list": {
            const items = block.items.map((item, n) => <li key={n}>{inline(item)}</li>);
            return block.ordered ? <ol key={at}>{items}</ol> : <ul key={at}>{items}</ul>;
          }
          case "table":
            return (
              <table key={at} className="lines">
                <tbody>
                  {block.rows.map((row, n) => (
                    <tr key={n}>
                      {row.map((cell, m) => (n === 0 ? <th key={m}>{inline(cell)}</th> : <td key={m}>{inline(cell)}</td>))}
                    </tr>
                  ))}
                </tbody>
              </table>
            );
          case "code":
            return (
              <pre key={at} className="diff">
                {block.text}
              </pre>
            );
          case "text":
            return (
              <p key={at} className="pre">
                {inline(block.text)}
              </p>
            );
        }
      })}
    </div>
  );
}
