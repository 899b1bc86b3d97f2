/** Markdown as data: what models write is read, what attackers write is text, and nothing takes long. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Block, type Inline, isWebAddress, parseMarkdown } from "../../src/viewer/app/trace/markdown.ts";

/** A short notation of what was read. */
function told(blocks: readonly Block[]): string {
  const inline = (part: Inline): string => {
    if (typeof part === "string") return part;
    if (part.kind === "code") return `code(${part.text})`;
    if (part.kind === "image") return `image(${part.text} ${part.href})`;
    return `${part.kind}${part.kind === "link" ? ` ${part.href} ` : ""}(${part.inside.map(inline).join("")})`;
  };
  const block = (one: Block): string => {
    if (one.kind === "heading") return `h${one.level}(${one.inside.map(inline).join("")})`;
    if (one.kind === "paragraph") return `p(${one.inside.map(inline).join("")})`;
    if (one.kind === "code") return `pre(${one.text})`;
    if (one.kind === "quote") return `quote(${told(one.blocks)})`;
    if (one.kind === "list")
      return `${one.start === undefined ? "ul" : `ol${one.start}`}(${one.items.map(told).join(" | ")})`;
    if (one.kind === "table")
      return `table(${one.rows.map((row) => row.map((cell) => cell.map(inline).join("")).join(",")).join(";")})`;
    return "rule";
  };
  return blocks.map(block).join(" ");
}

const read = (text: string) => told(parseMarkdown(text));

test("Blocks", () => {
  assert.equal(read("# One\n\ntext\nmore\n\n## Two ##"), "h1(One) p(text\nmore) h2(Two)");
  assert.equal(read("a\n\n---\n\n> quoted\n> - item\n\nend"), "p(a) rule quote(p(quoted) ul(p(item))) p(end)");
  assert.equal(read("```ts\nconst a = `1`;\n# no heading\n```\nafter"), "pre(const a = `1`;\n# no heading) p(after)");
  assert.equal(read("```\nnever closed"), "pre(never closed)");
  assert.equal(read("| a | b |\n|---|:-:|\n| 1 | **2** |\n\nx"), "table(a,b;1,strong(2)) p(x)");
  assert.equal(read("a | b"), "p(a | b)");
});

test("Lists, with numbers, within each other, with more than one paragraph", () => {
  assert.equal(
    read("1. one\n2. two\n   - in\n   - there\n3. three"),
    "ol1(p(one) | p(two) ul(p(in) | p(there)) | p(three))",
  );
  assert.equal(read("- one\n\n- two\n  goes on\n\n  again\n\nafter"), "ul(p(one) | p(two\ngoes on) p(again)) p(after)");
  assert.equal(read("Steps:\n* a\n* b"), "p(Steps:) ul(p(a) | p(b))");
  assert.equal(read("- a\n  ```\n  code\n  ```\n- b"), "ul(p(a) pre(code) | p(b))");
});

test("Within a line", () => {
  assert.equal(
    read("**bold** and *em* and __b__ _e_ ~~no~~"),
    "p(strong(bold) and emphasis(em) and strong(b) emphasis(e) deleted(no))",
  );
  assert.equal(read("snake_case_name and 2 * 3 * 4 and a*"), "p(snake_case_name and 2 * 3 * 4 and a*)");
  assert.equal(
    read("**a *b* c** \\*no\\* `x * y` ``a ` b``"),
    "p(strong(a emphasis(b) c) *no* code(x * y) code(a ` b))",
  );
  assert.equal(
    read("[a **b**](https://x.y/z) ![pic](http://p/q.png 'title')"),
    "p(link https://x.y/z (a strong(b)) image(pic http://p/q.png))",
  );
  assert.equal(
    read("see https://x.y/a?b=c. And [no] (here)"),
    "p(see link https://x.y/a?b=c (https://x.y/a?b=c). And [no] (here))",
  );
});

test("HTML is text, and only http and https are addresses", () => {
  assert.equal(read("<img src=x onerror=a()>"), "p(<img src=x onerror=a()>)");
  for (const href of [
    "javascript:alert(1)",
    " java\nscript:x",
    "data:text/html,x",
    "vbscript:x",
    "//evil.example",
    "/x",
    "\u0001javascript:x",
  ]) {
    assert.equal(isWebAddress(href), false, href);
  }
  assert.equal(isWebAddress("https://a.b"), true);
});

test("150,000 characters of any sign over and over are read to their end, however deep they seem to nest", () => {
  for (const piece of [
    "*a ",
    "**a",
    "[",
    "![",
    "](",
    "[a](",
    "`",
    "``a",
    "> ",
    "- ",
    "| a ",
    "* * ",
    "\\",
    "https://",
    "1. ",
  ]) {
    for (const end of ["", "\n", "\n\n"]) {
      const text = `${piece}${end}`.repeat(150_000 / (piece.length + end.length));
      const blocks = parseMarkdown(`${text}\n\nthe end`);
      assert.match(told(blocks.slice(-1)), /the end/, JSON.stringify(piece + end));
    }
  }
});
