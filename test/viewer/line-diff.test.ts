import assert from "node:assert/strict";
import { test } from "node:test";
import { type DiffLine, lineDiff } from "../../src/viewer/app/parts/line-diff.ts";
import { payloadText } from "../../src/viewer/app/parts/payload-text.ts";

function show(lines: readonly DiffLine[]): string[] {
  return lines.map((line) => {
    if (line.kind === "same") return `  ${line.text}`;
    if (line.kind === "skipped") return `… ${line.count}`;
    const text = line.pieces.map((piece) => (piece.isOwn ? `[${piece.text}]` : piece.text)).join("");
    return `${line.kind === "added" ? "+" : "-"} ${text}`;
  });
}

test("equal lines far from any change are left out", () => {
  const lines = Array.from({ length: 20 }, (_, index) => `line ${index}`);
  const other = lines.map((line) => (line === "line 10" ? "line ten" : line));
  const { lines: shown, removed, added, isCut } = lineDiff(lines.join("\n"), other.join("\n"), { context: 2 });
  assert.deepEqual(show(shown), [
    "… 8",
    "  line 8",
    "  line 9",
    "- line [10]",
    "+ line [ten]",
    "  line 11",
    "  line 12",
    "… 7",
  ]);
  assert.deepEqual({ removed, added, isCut }, { removed: 1, added: 1, isCut: false });
});

test("words are marked only where the lines have something in common", () => {
  const shown = show(lineDiff("You are a kind tutor.", "You are a strict tutor!").lines);
  assert.deepEqual(shown, ["- You are a [kind] tutor[.]", "+ You are a [strict] tutor[!]"]);
  assert.deepEqual(show(lineDiff("alpha beta", "gamma delta").lines), ["- alpha beta", "+ gamma delta"]);
});

test("equal texts, empty texts, one line that is left out", () => {
  assert.deepEqual(show(lineDiff("a\nb\nc", "a\nb\nc").lines), ["… 3"]);
  assert.deepEqual(lineDiff("", "").lines, []);
  assert.deepEqual(show(lineDiff("", "a\n").lines), ["+ a", "+ "]);
  assert.deepEqual(show(lineDiff("x\na", "y\na", { context: 0 }).lines), ["- x", "+ y", "  a"]);
});

test("line numbers are those of the texts", () => {
  const { lines } = lineDiff("a\nb\nc\nd", "a\nc\nd\ne");
  assert.deepEqual(
    lines.map((line) => `${"left" in line ? line.left : ""}/${"right" in line ? line.right : ""}`),
    ["1/1", "2/", "3/2", "4/3", "/4"],
  );
});

test("a hundred thousand lines are compared as far as the limit goes", () => {
  const text = (word: string) => Array.from({ length: 100_000 }, (_, index) => `${word} ${index % 1_000}`).join("\n");
  const { isCut, removed } = lineDiff(text("a"), text("b"));
  assert.equal(isCut, true);
  assert.equal(removed, 20_000);
});

test("a diff turns one text into the other, for 300 random pairs", () => {
  let seed = 42;
  const random = (n: number) => {
    seed = (seed * 1_103_515_245 + 12_345) & 0x7fffffff;
    return seed % n;
  };
  for (let round = 0; round < 300; round++) {
    const text = () => Array.from({ length: random(12) }, () => "abc"[random(3)]).join("\n");
    const [a, b] = [text(), `${text()}\nend`];
    const { lines } = lineDiff(a, b, { context: 1_000 });
    const side = (other: DiffLine["kind"]) =>
      lines
        .filter(({ kind }) => kind !== other)
        .map((line) => (line.kind === "same" ? line.text : "pieces" in line && line.pieces.map((p) => p.text).join("")))
        .join("\n");
    assert.deepEqual([side("added"), side("removed")], [a, b], `round ${round}`);
  }
});

test("payloads: text of several lines stands on its own lines", () => {
  const value = { role: "system", content: "You are\nkind.", tools: [], n: [1, null, { "a b": true }] };
  assert.equal(
    payloadText(value),
    '{\n  "role": "system",\n  "content": """\n    You are\n    kind.\n  """,\n  "tools": [],\n  "n": [\n    1,\n    null,\n    {\n      "a b": true\n    }\n  ]\n}',
  );
  assert.equal(payloadText("two\nlines"), "two\nlines");
  assert.equal(payloadText(undefined), "");
});
