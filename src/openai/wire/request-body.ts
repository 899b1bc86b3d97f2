import { parsedJson } from "../messages.ts";
import type { SentRequest } from "./request.ts";

/** What a request asks for. */
export interface RequestBody {
  /** Parsed JSON, or the fields of a form; `undefined` when it was neither, or too large to read. */
  readonly value: unknown;
  /** The size of a body that is no JSON, where it is known. */
  readonly bytes: number | undefined;
}

/** Longer ones carry files or images by the dozen; parsing them would hold up the caller. */
const MAX_CHARACTERS = 4 * 1024 * 1024;

export function readBody({ body, header }: SentRequest): RequestBody {
  if (typeof body === "string") {
    const value = body.length > MAX_CHARACTERS ? undefined : parsedJson(body);
    return { value: typeof value === "object" ? value : undefined, bytes: undefined };
  }
  if (isForm(body)) return readForm(body);
  const stated = Number(header("content-length") ?? Number.NaN);
  const size = ArrayBuffer.isView(body) || body instanceof ArrayBuffer ? body.byteLength : stated;
  return { value: undefined, bytes: Number.isFinite(size) ? size : undefined };
}

function isForm(body: unknown): body is FormData {
  return typeof body === "object" && body !== null && Object.prototype.toString.call(body) === "[object FormData]";
}

/** Files as their name, type and size. A name that ends in `[]` is a list. */
function readForm(form: FormData): RequestBody {
  const value: Record<string, unknown> = {};
  let bytes = 0;
  for (const [name, entry] of form.entries()) {
    bytes += typeof entry === "string" ? entry.length : entry.size;
    const shown = typeof entry === "string" ? entry : { name: entry.name, type: entry.type, bytes: entry.size };
    const key = name.endsWith("[]") ? name.slice(0, -2) : name;
    const before = value[key];
    if (before === undefined) value[key] = name === key ? shown : [shown];
    else value[key] = Array.isArray(before) ? [...before, shown] : [before, shown];
  }
  return { value, bytes };
}
