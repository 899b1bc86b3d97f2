/**
 * Markdown as models write it, as data: headings, paragraphs, lists, code, quotes, tables, emphasis, links, images.
 * HTML is text like any other. Written for texts that nobody has looked at: no regular expression here can be made slow,
 * and nesting ends somewhere.
 */
export type Block =
  | { readonly kind: "heading"; readonly level: number; readonly inside: readonly Inline[] }
  | { readonly kind: "paragraph"; readonly inside: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "quote"; readonly blocks: readonly Block[] }
  | { readonly kind: "list"; readonly start: number | undefined; readonly items: readonly (readonly Block[])[] }
  | { readonly kind: "table"; readonly rows: readonly (readonly (readonly Inline[])[])[] }
  | { readonly kind: "rule" };

export type Inline =
  | string
  | { readonly kind: "strong" | "emphasis" | "deleted"; readonly inside: readonly Inline[] }
  | { readonly kind: "code"; readonly text: string }
  | { readonly kind: "link"; readonly href: string; readonly inside: readonly Inline[] }
  | { readonly kind: "image"; readonly href: string; readonly text: string };

/** Deeper is shown as it stands. */
const DEEPEST = 12;
/** No sign of a block is in what stands further right. */
const HEAD = 200;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const HEADING = /^ {0,3}(#{1,6})(?:[ \t]+|$)/;
const RULE = /^ {0,3}(?:(?:- *){3,}|(?:\* *){3,}|(?:_ *){3,})$/;
const ITEM = /^( *)([-*+]|\d{1,9}[.)])(?: {1,4}|\t|$)/;
const DIVIDER = /^[ |:-]*-[ |:-]*$/;

export function parseMarkdown(text: string): Block[] {
  return blocks(text.replaceAll("\r\n", "\n").split("\n"), 0);
}

function blocks(lines: readonly string[], depth: number): Block[] {
  const found: Block[] = [];
  let i = 0;
  const isBlank = (line: string | undefined) => line !== undefined && line.trim() === "";
  while (i < lines.length) {
    const line = lines[i]!;
    const head = line.slice(0, HEAD);
    const fence = FENCE.exec(head)?.[1];
    const heading = HEADING.exec(head);
    if (isBlank(line)) i++;
    else if (fence !== undefined) {
      const begin = ++i;
      while (i < lines.length && !lines[i]!.trimStart().startsWith(fence)) i++;
      found.push({ kind: "code", text: lines.slice(begin, i++).join("\n") });
    } else if (heading) {
      const told = line.slice(heading[0].length).replace(/ #{1,6} {0,9}$/, "");
      found.push({ kind: "heading", level: heading[1]!.length, inside: inlines(told, depth) });
      i++;
    } else if (isRule(line)) {
      found.push({ kind: "rule" });
      i++;
    } else if (depth < DEEPEST && head.trimStart().startsWith(">")) {
      const inner: string[] = [];
      while (i < lines.length && lines[i]!.trimStart().startsWith(">")) {
        const rest = lines[i++]!.trimStart().slice(1);
        inner.push(rest.startsWith(" ") ? rest.slice(1) : rest);
      }
      found.push({ kind: "quote", blocks: blocks(inner, depth + 1) });
    } else if (depth < DEEPEST && ITEM.test(head)) {
      const [list, next] = listAt(lines, i, depth);
      found.push(list);
      i = next;
    } else if (line.includes("|") && isDivider(lines[i + 1])) {
      const rows = [cells(line, depth)];
      i += 2;
      while (i < lines.length && lines[i]!.includes("|")) rows.push(cells(lines[i++]!, depth));
      found.push({ kind: "table", rows });
    } else {
      const begin = i++;
      while (i < lines.length && !isBlank(lines[i]) && !begins(lines[i]!)) i++;
      found.push({ kind: "paragraph", inside: inlines(lines.slice(begin, i).join("\n"), depth) });
    }
  }
  return found;
}

/** Whether a line ends the paragraph before it. */
function begins(line: string): boolean {
  const head = line.slice(0, HEAD);
  return FENCE.test(head) || HEADING.test(head) || ITEM.test(head) || isRule(line) || head.trimStart().startsWith(">");
}

function isRule(line: string): boolean {
  return line.length < HEAD && RULE.test(line);
}

function isDivider(line: string | undefined): boolean {
  return line?.includes("|") === true && line.length < 2 * HEAD && DIVIDER.test(line.trim());
}

function listAt(lines: readonly string[], from: number, depth: number): [list: Block, next: number] {
  const first = ITEM.exec(lines[from]!.slice(0, HEAD))!;
  const indent = first[1]!.length;
  const isOrdered = /\d/.test(first[2]!);
  const items: Block[][] = [];
  let i = from;
  while (i < lines.length) {
    const sign = ITEM.exec(lines[i]!.slice(0, HEAD));
    if (!sign || sign[1]!.length > indent + 3 || sign[1]!.length < indent || /\d/.test(sign[2]!) !== isOrdered) break;
    const inner = [lines[i]!.slice(sign[0].length)];
    const own = indent + 2;
    for (i++; i < lines.length; i++) {
      const line = lines[i]!;
      const blank = line.trim() === "";
      const depthOf = line.length - line.trimStart().length;
      // A blank line belongs to the item when what follows does; so does a line that goes on with its text.
      if (blank ? startsDeeper(lines[i + 1], own) : depthOf >= own || (!begins(line) && lines[i - 1]!.trim() !== "")) {
        inner.push(line.slice(Math.min(depthOf, sign[0].length)));
      } else break;
    }
    items.push(blocks(inner, depth + 1));
    if (lines[i]?.trim() === "" && ITEM.test((lines[i + 1] ?? "").slice(0, HEAD))) i++;
  }
  return [{ kind: "list", start: isOrdered ? Number.parseInt(first[2]!, 10) : undefined, items }, i];
}

function startsDeeper(line: string | undefined, indent: number): boolean {
  return line !== undefined && line.trim() !== "" && line.length - line.trimStart().length >= indent;
}

function cells(line: string, depth: number): Inline[][] {
  const row = line.trim();
  const inner = row.slice(row.startsWith("|") ? 1 : 0, row.endsWith("|") && row.length > 1 ? -1 : undefined);
  return inner.split("|").map((cell) => inlines(cell.trim(), depth));
}

const MARKS = [
  ["**", "strong"],
  ["__", "strong"],
  ["~~", "deleted"],
  ["*", "emphasis"],
  ["_", "emphasis"],
] as const;
const WORD = /[\p{L}\p{N}]/u;
const SPECIAL = /[\\`*_~[!<h]/;

function inlines(text: string, depth: number): Inline[] {
  const found: Inline[] = [];
  let plain = "";
  /** Marks that do not come again: nobody looks for them twice. */
  const gone = new Set<string>();
  const find = (mark: string, from: number) => {
    if (gone.has(mark)) return -1;
    const at = text.indexOf(mark, from);
    if (at < 0) gone.add(mark);
    return at;
  };
  const push = (part: Inline) => {
    if (plain) found.push(plain);
    plain = "";
    found.push(part);
  };
  let i = 0;
  while (i < text.length) {
    const char = text[i]!;
    if (!SPECIAL.test(char)) {
      plain += char;
      i++;
      continue;
    }
    const next = special(i);
    if (next === undefined) {
      plain += char;
      i++;
    } else i = next;
  }
  if (plain) found.push(plain);
  return found;

  /** Takes what begins at a sign and says where it ends; undefined when the sign is one like any other. */
  function special(at: number): number | undefined {
    const char = text[at];
    if (char === "\\") {
      const escaped = text[at + 1];
      if (escaped === undefined || !/[!-/:-@[-`{-~]/.test(escaped)) return undefined;
      plain += escaped;
      return at + 2;
    }
    if (char === "`") {
      let size = 1;
      while (text[at + size] === "`") size++;
      const mark = "`".repeat(size);
      const end = find(mark, at + size);
      if (end < 0) {
        plain += mark;
        return at + size;
      }
      push({ kind: "code", text: text.slice(at + size, end).trim() || text.slice(at + size, end) });
      return end + size;
    }
    if (char === "h") {
      if (!text.startsWith("http://", at) && !text.startsWith("https://", at)) return undefined;
      if (at > 0 && WORD.test(text[at - 1]!)) return undefined;
      let end = at;
      while (end < text.length && !/[\s<>"'`|]/.test(text[end]!)) end++;
      while (end > at && /[.,:;!?)\]*_~]/.test(text[end - 1]!)) end--;
      const href = text.slice(at, end);
      push({ kind: "link", href, inside: [href] });
      return end;
    }
    if (depth >= DEEPEST) return undefined;
    if (char === "[" || (char === "!" && text[at + 1] === "[")) {
      const begin = at + (char === "!" ? 2 : 1);
      const middle = find("](", begin);
      const end = middle < 0 ? -1 : find(")", middle + 2);
      if (end < 0) return undefined;
      const inner = text.slice(begin, middle);
      // The sign belongs to another bracket that opens later.
      if (inner.includes("[") && char !== "!") return undefined;
      const href = text
        .slice(middle + 2, end)
        .trim()
        .split(" ")[0]!
        .replace(/^<|>$/g, "");
      push(
        char === "!" ? { kind: "image", href, text: inner } : { kind: "link", href, inside: inlines(inner, depth + 1) },
      );
      return end + 1;
    }
    for (const [mark, kind] of MARKS) {
      if (!text.startsWith(mark, at)) continue;
      const begin = at + mark.length;
      if (begin >= text.length || /\s/.test(text[begin]!)) return undefined;
      // `snake_case` is a word.
      const isLine = mark[0] === "_";
      if (isLine && at > 0 && WORD.test(text[at - 1]!)) return undefined;
      const end = find(mark, begin + 1);
      if (end < 0 || /\s/.test(text[end - 1]!)) continue;
      const after = text[end + mark.length];
      if (isLine && after !== undefined && WORD.test(after)) return undefined;
      push({ kind, inside: inlines(text.slice(begin, end), depth + 1) });
      return end + mark.length;
    }
    return undefined;
  }
}

/** Only http and https lead anywhere, whatever blanks and control characters stand before. */
export function isWebAddress(href: string): boolean {
  try {
    return /^https?:$/.test(new URL(href).protocol);
  } catch {
    return false;
  }
}
