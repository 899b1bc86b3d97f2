import type { Page, ProjectOption, SpanRow, TraceStore } from "../store/trace-store.ts";

/** Of a page of spans at a time: about 1 MiB of JSON. */
const ROWS = 1_000;
/** Spans whose records are fetched at once. */
const RECORDS = 32;

/** A page of any size as JSON, read from the store and written a mebibyte at a time. */
export async function* pageOfSpans(
  store: TraceStore,
  traceId: string,
  options: ProjectOption & { readonly after?: string; readonly limit?: number },
): AsyncGenerator<string> {
  let left = options.limit ?? ROWS;
  let after = options.after;
  let separator = '{"items":[';
  do {
    const page: Page<SpanRow> = await store.spans(traceId, {
      ...options,
      limit: Math.min(left, ROWS),
      ...(after !== undefined && { after }),
    });
    if (page.items.length > 0) {
      const items = JSON.stringify(page.items);
      yield separator + items.slice(1, -1);
      separator = ",";
    }
    left -= page.items.length;
    after = page.next;
  } while (after !== undefined && left > 0);
  const end = after === undefined ? "]}" : `],"next":${JSON.stringify(after)}}`;
  yield separator === "," ? end : separator + end;
}

/** All records of a trace, a line each. */
export async function* linesOfTrace(store: TraceStore, traceId: string, project: string): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page: Page<SpanRow> = await store.spans(traceId, {
      project,
      limit: ROWS,
      ...(after !== undefined && { after }),
    });
    for (let i = 0; i < page.items.length; i += RECORDS) {
      const rows = page.items.slice(i, i + RECORDS);
      const records = await Promise.all(rows.map(({ spanId }) => store.span(traceId, spanId, { project })));
      yield records.map((record) => (record === undefined ? "" : `${JSON.stringify(record)}\n`)).join("");
    }
    after = page.next;
  } while (after !== undefined);
  const { scores = [], findings = [] } = (await store.trace(traceId, { project })) ?? {};
  yield [...scores, ...findings].map((record) => `${JSON.stringify(record)}\n`).join("");
}
