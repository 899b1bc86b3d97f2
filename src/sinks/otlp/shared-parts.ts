import type { SpanRecord } from "../../core/record.ts";

/** What spans of one type in one trace share, made once for all of them in a batch. */
export interface SharedParts<Part> {
  /** A batch begins. */
  begin(): void;
  of(record: SpanRecord): Part;
}

export function sharedParts<Part>(make: (record: SpanRecord) => Part): SharedParts<Part> {
  const byTrace = new Map<SpanRecord["trace"], Map<SpanRecord["type"], Part>>();
  let trace: SpanRecord["trace"] | undefined;
  let byType = new Map<SpanRecord["type"], Part>();

  return {
    begin() {
      byTrace.clear();
      trace = undefined;
    },
    of(record) {
      if (record.trace !== trace) {
        trace = record.trace;
        byType = byTrace.get(trace) ?? new Map();
        byTrace.set(trace, byType);
      }
      let part = byType.get(record.type);
      if (part === undefined) byType.set(record.type, (part = make(record)));
      return part;
    },
  };
}
