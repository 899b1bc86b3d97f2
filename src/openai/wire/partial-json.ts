/** Objects around the large part that are put together: an event, and the response in it. */
const MAX_LEVELS = 2;

/**
 * What the two ends of a long JSON object say: the members before and after the large part in its middle, on its first two
 * levels. Answers are long because of a list or a string (vectors, images, items), and have their id, model, status and
 * tokens around it. A list that is cut is empty.
 *
 * @example
 * partialJson('{"id":"x","data":[{"b64_json":"…', '…"}],"usage":{"total_tokens":9}}');
 * // { id: "x", data: [], usage: { total_tokens: 9 } }
 */
export function partialJson(head: string, tail: string): { [name: string]: unknown } | undefined {
  // A cap below the size of the ends.
  const all = tail.startsWith("{") ? parsed(tail) : undefined;
  if (all !== undefined) return all;
  const { value: start, path } = beginning(head);
  const levels = ending(tail);
  const whole: { [name: string]: unknown } = { ...start, ...levels[0] };
  const [name] = path;
  if (name !== undefined && levels[1] !== undefined) whole[name] = { ...(whole[name] as object), ...levels[1] };
  return Object.keys(whole).length === 0 ? undefined : whole;
}

type Members = { [name: string]: unknown } | undefined;

const STRING = /"(?:[^"\\]|\\[\s\S])*"/y;

/** The members up to the cut, and the names of the objects that are open there. */
function beginning(head: string): { readonly value: Members; readonly path: readonly string[] } {
  /** What closes the containers that are open, and the names of the objects among them. */
  const closers: string[] = [];
  const path: string[] = [];
  let name = "";
  /** Up to here everything is whole. */
  let text = "";
  const keep = (end: number): void => {
    if (!closers.includes("]")) text = head.slice(0, end) + closers.toReversed().join("");
  };
  for (let at = 0; at < head.length; at++) {
    const char = head[at];
    if (char === '"') {
      STRING.lastIndex = at;
      const [string] = STRING.exec(head) ?? [];
      if (string === undefined) break;
      at += string.length - 1;
      // Looked at only where it turns out to be the name of an object.
      if (closers.length <= MAX_LEVELS) name = string;
    } else if (char === "{" || char === "[") {
      if (char === "[") keepOpenList(at + 1);
      if (closers.length > 0) path.push(name);
      closers.push(char === "{" ? "}" : "]");
      if (char === "{") keep(at + 1);
    } else if (char === "}" || char === "]") {
      closers.pop();
      path.pop();
      keep(at + 1);
    } else if (char === ",") keep(at);
  }
  function keepOpenList(end: number): void {
    if (closers.length > 0 && !closers.includes("]")) {
      text = `${head.slice(0, end)}]${closers.toReversed().join("")}`;
    }
  }
  return { value: parsed(text), path: path.map((key) => key.slice(1, -1)) };
}

/** The members after the cut: of the whole object, and of the object in it that was cut. */
function ending(tail: string): readonly Members[] {
  const text = tail.trimEnd();
  /** Where the containers end that have begun before the tail. */
  const ends: number[] = [];
  /** The first comma from which on the members of such an object are whole. */
  const commas: (number | undefined)[] = [];
  for (let at = text.length - 1; at >= 0; at--) {
    const char = text[at];
    if (char === '"') {
      at = beginningOfString(text, at);
    } else if (char === "}" || char === "]") {
      ends.push(at);
      commas.push(undefined);
    } else if (char === "{" || char === "[") {
      ends.pop();
      commas.pop();
    } else if (char === "," && ends.length > 0) commas[ends.length - 1] = at;
  }
  const levels: Members[] = [];
  for (const [level, end] of ends.slice(0, MAX_LEVELS).entries()) {
    if (text[end] !== "}") break;
    const inner = ends[level + 1];
    const comma = inner === undefined ? commas[level] : inner + 1;
    const isMember = comma !== undefined && text[comma] === ",";
    levels.push(isMember ? parsed(`{${text.slice(comma + 1, end)}}`) : undefined);
  }
  return levels;
}

/** -1 where it has begun before the text. */
function beginningOfString(text: string, end: number): number {
  for (let at = end - 1; at >= 0; at--) {
    at = text.lastIndexOf('"', at);
    if (at <= 0) return -1;
    let slashes = 0;
    while (text[at - 1 - slashes] === "\\") slashes++;
    if (slashes % 2 === 0) return at;
  }
  return -1;
}

function parsed(json: string): Members {
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Members) : undefined;
  } catch {
    return undefined;
  }
}
