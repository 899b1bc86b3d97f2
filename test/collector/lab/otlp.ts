import type { SpanRecord } from "../../../src/core/record.ts";
import { otlpForm } from "../../../src/sinks/otlp/form.ts";
import { toProtobuf } from "../../../src/sinks/otlp/to-protobuf.ts";

const { traces } = otlpForm("test", {}, {});

export function otlpJson(records: readonly SpanRecord[]): Uint8Array {
  return Buffer.from(JSON.stringify(traces(records)));
}

export function otlpProtobuf(records: readonly SpanRecord[]): Uint8Array {
  return toProtobuf("TracesData", traces(records));
}
