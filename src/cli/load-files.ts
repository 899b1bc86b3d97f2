import type { Reading } from "../collector/api.ts";
import { setCosts } from "../collector/costs.ts";
import type { SpanRecord } from "../core/record.ts";
import { type FileRead, readFiles } from "../formats/files/read-files.ts";
import { type SpanContent, withContent } from "../formats/otlp/records-from-logs.ts";
import type { TraceStore } from "../store/trace-store.ts";

export interface LoadFilesOptions {
  readonly project?: string | undefined;
  /** What it says is in the store by then. */
  readonly onReading?: (reading: Reading) => void;
  /** Hears what came of each file. With it, one that cannot be read costs itself alone; without, that is thrown. */
  readonly onFile?: (file: FileRead) => void;
}

/**
 * Reads files into a store; calls without a cost get one where the price book knows the model. While a batch is kept the
 * next one is read.
 *
 * @throws FormatError, StoreError, and the file system's errors
 */
export async function loadFiles(
  store: TraceStore,
  paths: readonly string[],
  { project, onReading, onFile }: LoadFilesOptions = {},
): Promise<Reading> {
  // What has no price is told where costs are.
  const costed = setCosts(undefined, () => {});
  const asked = project === undefined ? {} : { project };
  let last: Reading | undefined;
  let keeping: Promise<void> = Promise.resolve();
  for await (const { records, contents, reading } of readFiles(paths, { ...(onFile !== undefined && { onFile }) })) {
    await keeping;
    if (last !== undefined) onReading?.(last);
    last = reading;
    const batch = costed(records);
    keeping = keep();
    // It is awaited in the next round; until then nobody must call it unhandled.
    keeping.catch(() => {});

    async function keep(): Promise<void> {
      if (batch.length > 0) await store.append(batch, asked);
      const spans = await spansWith(store, contents, asked);
      if (spans.length > 0) await store.append(spans, asked);
    }
  }
  await keeping;
  onReading?.(last!);
  return last!;
}

/** Newer records of spans that came before, with what they said. */
async function spansWith(
  store: TraceStore,
  contents: readonly SpanContent[],
  asked: { readonly project?: string },
): Promise<SpanRecord[]> {
  const spans: SpanRecord[] = [];
  for (const content of contents) {
    const span = await store.span(content.traceId, content.spanId, asked);
    if (span !== undefined) spans.push(withContent(span, content));
  }
  return spans;
}
