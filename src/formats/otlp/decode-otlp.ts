import { FormatError } from "../format-error.ts";
import { isObject } from "../json-value.ts";
import { fromProtobuf } from "./protobuf-reader.ts";

/** OTLP's own limit for a request (specification, "OTLP/HTTP Request"). */
const MAX_BYTES = 64 * 1024 ** 2;

/** What is sent where: `/v1/traces` or `/v1/logs`. */
export type OtlpSignal = "traces" | "logs";

export interface DecodeOtlpOptions {
  /** Default `traces`. */
  readonly signal?: OtlpSignal;
  /** Default 64 MiB. */
  readonly maxBytes?: number;
}

/** A request in OTLP's JSON form; what is in it is looked at by `recordsFromOtlp`. */
export type OtlpRequest = { readonly [field: string]: unknown };

/**
 * The body of an OTLP/HTTP request in OTLP's JSON form. `application/json` and `application/x-protobuf` are understood; a
 * body that is compressed has to be opened before.
 *
 * @throws FormatError for another content type, a body that is too large, broken or of another kind; with the byte where
 */
export function decodeOtlp(bytes: Uint8Array, contentType: string, options: DecodeOtlpOptions = {}): OtlpRequest {
  const { signal = "traces", maxBytes = MAX_BYTES } = options;
  if (bytes.length > maxBytes) {
    const sizes = `${bytes.length.toLocaleString("en")} bytes, more than the ${maxBytes.toLocaleString("en")} allowed`;
    throw new FormatError("FORMAT_TOO_LARGE", `The OTLP request has ${sizes}; send smaller batches.`);
  }
  const type = contentType.split(";", 1)[0]!.trim().toLowerCase();
  if (type === "application/json") return fromJson(bytes, signal === "traces" ? "resourceSpans" : "resourceLogs");
  if (type === "application/x-protobuf" || type === "application/protobuf") {
    return fromProtobuf(signal === "traces" ? "TracesData" : "LogsData", bytes);
  }
  const wanted = "application/json or application/x-protobuf";
  throw new FormatError(
    "FORMAT_CONTENT_TYPE",
    `OTLP comes as ${wanted}, not as ${JSON.stringify(contentType.slice(0, 100))}.`,
  );
}

function fromJson(bytes: Uint8Array, field: string): OtlpRequest {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();
  const value = parseJson(text, "The OTLP request");
  if (!isObject(value)) throw new FormatError("FORMAT_NOT_OTLP", `The OTLP request is no object with "${field}".`);
  const list = value[field];
  // An empty request is a valid one.
  if (list === undefined || list === null || Array.isArray(list)) return value;
  throw new FormatError("FORMAT_NOT_OTLP", `"${field}" of the OTLP request is no list.`);
}

/** @throws FormatError `FORMAT_BAD_JSON` with the byte where the text stops to be JSON, as far as the parser tells */
export function parseJson(text: string, what: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const reason = (error as Error).message;
    const position = /position (\d+)/.exec(reason)?.[1];
    const offset = Buffer.byteLength(position === undefined ? text : text.slice(0, Number(position)));
    throw new FormatError("FORMAT_BAD_JSON", `${what} is no JSON from byte ${offset} on.`, { offset });
  }
}
