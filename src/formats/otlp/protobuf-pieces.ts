import type { OtlpRequest, OtlpSignal } from "./decode-otlp.ts";
import { findItems, type ListPlace, type Range, readAround, readItems } from "./protobuf-reader.ts";

/** Of spans, or log records, that are decoded at once. */
const PIECE_BYTES = 64 * 1024;

type Lists = readonly [inRequest: ListPlace, inResource: ListPlace, inScope: ListPlace];

const LISTS: { readonly [signal in OtlpSignal]: Lists } = {
  traces: [
    { message: "TracesData", list: "resourceSpans", depth: 0 },
    { message: "ResourceSpans", list: "scopeSpans", depth: 1 },
    { message: "ScopeSpans", list: "spans", depth: 2 },
  ],
  logs: [
    { message: "LogsData", list: "resourceLogs", depth: 0 },
    { message: "ResourceLogs", list: "scopeLogs", depth: 1 },
    { message: "ScopeLogs", list: "logRecords", depth: 2 },
  ],
};

/**
 * A request in protobuf as many small ones, each with its resource and scope, which are decoded once, also where nothing is
 * in them: bytes that are damaged may be there. `undefined`: nothing yet, but time has passed.
 *
 * @throws FormatError as `fromProtobuf` does, with the piece that is at fault
 */
export function* protobufPieces(bytes: Buffer, signal: OtlpSignal): Generator<OtlpRequest | undefined> {
  const [inRequest, inResource, inScope] = LISTS[signal];
  const whole = { start: 0, end: bytes.length };
  readAround(inRequest, bytes, whole);
  for (const { body: ofResource } of findItems(inRequest, bytes, whole)) {
    const resource = readAround(inResource, bytes, ofResource);
    yield;
    for (const { body: ofScope } of findItems(inResource, bytes, ofResource)) {
      const scope = readAround(inScope, bytes, ofScope);
      yield;
      for (const run of runs(inScope, bytes, ofScope)) {
        const items = readItems(inScope, bytes, run);
        yield { [inRequest.list]: [{ ...resource, [inResource.list]: [{ ...scope, [inScope.list]: items }] }] };
      }
    }
  }
}

/** The items of a list as runs of about a piece. */
function* runs(place: ListPlace, bytes: Buffer, message: Range): Generator<Range> {
  let run: Range | undefined;
  for (const { field } of findItems(place, bytes, message)) {
    run = { start: run?.start ?? field.start, end: field.end };
    if (run.end - run.start < PIECE_BYTES) continue;
    yield run;
    run = undefined;
  }
  if (run !== undefined) yield run;
}
