import type { SpanRecord } from "./record.ts";

/** A span in one line for a snapshot: name, type, status; times and ids inside of names and messages are replaced. */
export function outline(record: SpanRecord): string {
  let text = record.name;
  if (record.type !== "span") text += ` [${record.type}]`;
  if (record.status.code === "error") text += ` ✗ ${errorLine(record)}`;
  else if (record.level === "WARNING") text += ` ! ${record.status.message ?? ""}`;
  if (record.unfinished) text += " (unfinished)";
  return stable(text.trimEnd());
}

/** What went wrong in one line: `RateLimitError 429: try again later`. */
export function errorLine({ error, status }: SpanRecord): string {
  const head = error ? error.type + (error.status === undefined ? "" : ` ${error.status}`) : "";
  const message = error?.message ?? status.message ?? "";
  return (head && message ? `${head}: ${message}` : head || message).replace(/\s+/g, " ").trim();
}

/** Takes the indentation that all lines share, and blank lines at both ends, from a template literal. */
export function dedent(text: string): string {
  const lines = text
    .replace(/^(?:[ \t]*\n)+/, "")
    .trimEnd()
    .split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.search(/\S/));
  return lines.map((line) => line.slice(Math.min(...indents)).trimEnd()).join("\n");
}

const TIMES = /\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?/g;
const IDS = /\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b|\b(?:[0-9a-f]{32}|[0-9a-f]{16})\b/g;
/** `run_abc123…`, `chatcmpl-…`: the prefix stays. 16 letters and digits, one of them a digit: `run_assistant` is no id. */
const PREFIXED_IDS = /\b([a-z]+[_-])(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}\b/g;

function stable(text: string): string {
  return text.replace(TIMES, "<time>").replace(IDS, "<id>").replace(PREFIXED_IDS, "$1<id>");
}
