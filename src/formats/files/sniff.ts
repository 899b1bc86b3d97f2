import { parsed } from "../json-value.ts";
import { isKnown } from "./known-value.ts";

export type FileForm = "lines" | "document" | "protobuf" | "delimited protobuf" | "empty";

/** Lines at the beginning that are looked at. */
const LINES = 20;
const MAX_MESSAGE = 64 * 1024 ** 2;

/**
 * What a file holds, by its beginning: up to its first newline at least, unless it has none for long. `undefined` for what
 * nobody here understands.
 */
export function formOf(head: Buffer): FileForm | undefined {
  if (isProtobuf(head, 0)) return "protobuf";
  if (head.length > 5 && head.readUInt32BE(0) < MAX_MESSAGE && isProtobuf(head, 4)) return "delimited protobuf";
  const text = head.toString().replace(/^\ufeff/, "");
  const start = text.trimStart();
  if (start === "") return "empty";
  if (/^\{"record":"(?:span|score|finding)"/.test(start)) return "lines";
  // The last one may go on behind the head.
  const lines = start.split("\n", LINES);
  const values = lines.map((line) => (/^\s*[[{]/.test(line) ? parsed(line) : undefined));
  if (values.some((value) => value !== undefined && isKnown(value))) return "lines";
  if (!/^[[{]/.test(start)) return undefined;
  // JSON whose first line is a whole value is of some other kind, but for the empty ones.
  return values[0] !== undefined && Object.keys(values[0] as object).length > 0 ? undefined : "document";
}

/** A `TracesData` or `LogsData`: field 1 with a length, in which a resource, scopes or a schema URL come first. */
function isProtobuf(head: Buffer, at: number): boolean {
  if (head[at] !== 0x0a) return false;
  let next = at + 1;
  while (next < at + 6 && (head[next] ?? 0) >= 128) next++;
  const first = head[next + 1];
  return first === 0x0a || first === 0x12 || first === 0x1a;
}

/** The first bytes as a person would like to see them. */
export function looksLike(head: Buffer): string {
  const first = head.subarray(0, 24);
  const isText = first.every((byte) => byte >= 32 || byte === 9 || byte === 10 || byte === 13);
  return isText ? JSON.stringify(first.toString()) : (first.toString("hex").match(/../g) ?? []).join(" ");
}
