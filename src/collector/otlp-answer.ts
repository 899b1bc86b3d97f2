import type { IncomingMessage } from "node:http";
import { createOutput, type Output, size, string, varint, written } from "../sinks/otlp/protobuf-writer.ts";
import type { Answer } from "./answer.ts";
import { json } from "./answer.ts";
import type { Refusal } from "./refusal.ts";

const PROTOBUF = "application/x-protobuf";
const FIELD_1_VARINT = 0x08;
const FIELD_1_BYTES = 0x0a;
const FIELD_2_BYTES = 0x12;
/** google.rpc.Code. */
const CODES: { readonly [status: number]: number } = {
  400: 3,
  401: 16,
  403: 7,
  404: 5,
  413: 3,
  415: 3,
  429: 8,
  500: 13,
  503: 14,
};
const UNKNOWN = 2;
/** Of what is rejected, in JSON. */
const REJECTED = { traces: "rejectedSpans", logs: "rejectedLogRecords", metrics: "rejectedDataPoints" } as const;

export type OtlpSignal = keyof typeof REJECTED;

/** `Export…ServiceResponse` in the form of its request. */
export function otlpAnswer(signal: OtlpSignal, request: IncomingMessage, rejected: number, message: string): Answer {
  const isWhole = rejected === 0 && message === "";
  if (!isProtobuf(request)) {
    return json(isWhole ? {} : { partialSuccess: { [REJECTED[signal]]: String(rejected), errorMessage: message } });
  }
  return protobuf(200, (out) => {
    if (isWhole) return;
    writeText(out, message);
    writeNumber(out, rejected);
    varint(out, size(out));
    varint(out, FIELD_1_BYTES);
  });
}

/** `google.rpc.Status`, as OTLP has its errors. */
export function otlpRefusal(refusal: Refusal, request: IncomingMessage): Answer {
  const { status, message, headers } = refusal;
  const code = CODES[status] ?? UNKNOWN;
  if (!isProtobuf(request)) return json({ code, message }, status, headers);
  const answer = protobuf(status, (out) => {
    writeText(out, message);
    writeNumber(out, code);
  });
  return { ...answer, headers: { ...answer.headers, ...headers } };
}

export function isProtobuf({ headers }: IncomingMessage): boolean {
  return /^application\/(?:x-)?protobuf\b/i.test(headers["content-type"] ?? "");
}

/** Written from the end on. */
function protobuf(status: number, write: (out: Output) => void): Answer {
  const out = createOutput();
  write(out);
  return { status, headers: { "content-type": PROTOBUF }, body: written(out) };
}

function writeText(out: Output, text: string): void {
  string(out, text);
  varint(out, FIELD_2_BYTES);
}

function writeNumber(out: Output, value: number): void {
  varint(out, value);
  varint(out, FIELD_1_VARINT);
}
