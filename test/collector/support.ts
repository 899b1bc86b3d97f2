import { connect } from "node:net";
import type { TestContext } from "node:test";
import { type Collector, type CollectorOptions, collector } from "../../src/collector/index.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import { memoryStore } from "../../src/store/memory-store.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

/** A collector over a memory store on any port, closed with the test. */
export async function started(
  t: TestContext,
  options: Partial<CollectorOptions> = {},
): Promise<Collector & { readonly store: TraceStore; readonly lines: string[] }> {
  const store = options.store ?? memoryStore();
  const lines: string[] = [];
  const server = await collector({ store, port: 0, log: (line) => lines.push(line), ...options });
  t.after(() => server.close({ timeoutMs: 0 }));
  return Object.assign(Object.create(server) as Collector, server, { store, lines });
}

/** A store whose methods are replaced by what is given. */
export function storeWith(changes: Partial<TraceStore>, store: TraceStore = memoryStore()): TraceStore {
  return Object.assign(Object.create(store), { name: store.name }, changes);
}

/** Spans of one trace each. */
export function spans(count: number, part: Parameters<typeof sampleSpan>[0] = {}): TraceRecord[] {
  return Array.from({ length: count }, (_, i) =>
    sampleSpan({
      traceId: (i + 1).toString(16).padStart(32, "a"),
      spanId: (i + 1).toString(16).padStart(16, "0"),
      ...part,
    }),
  );
}

export function lines(records: readonly unknown[]): string {
  return records.map((record) => `${JSON.stringify(record)}\n`).join("");
}

/** Posts records as `httpSink` does. */
export function postRecords(
  url: string,
  body: string | Uint8Array,
  headers: { readonly [name: string]: string } = {},
): Promise<Response> {
  return fetch(`${url}/v1/records`, {
    method: "POST",
    headers: { "content-type": "application/x-ndjson", ...headers },
    body: body as string,
  });
}

export interface RawAnswer {
  /** 0: the connection ended without an answer. */
  readonly status: number;
  readonly headers: { readonly [name: string]: string };
  readonly body: string;
}

/** Writes bytes as they are and reads until the server closes, or an answer with a length is whole. */
export async function raw(port: number, text: string, host = "127.0.0.1"): Promise<RawAnswer> {
  const socket = connect(port, host);
  socket.on("error", () => {});
  socket.write(text);
  let got = "";
  socket.on("data", (chunk) => {
    got += chunk;
    if (isWhole(got)) socket.destroy();
  });
  await new Promise((resolve) => socket.on("close", resolve));
  return parsed(got);
}

function isWhole(text: string): boolean {
  const end = text.indexOf("\r\n\r\n");
  const length = /\r\ncontent-length: (\d+)/i.exec(text.slice(0, end))?.[1];
  return end > 0 && length !== undefined && Buffer.byteLength(text.slice(end + 4)) >= Number(length);
}

function parsed(text: string): RawAnswer {
  const [head = "", ...rest] = text.split("\r\n\r\n");
  const [first = "", ...lines] = head.split("\r\n");
  const headers = Object.fromEntries(
    lines.map((line) => [line.slice(0, line.indexOf(":")).toLowerCase(), line.slice(line.indexOf(":") + 2)]),
  );
  return { status: Number(first.split(" ")[1] ?? 0), headers, body: rest.join("\r\n\r\n") };
}

/** Waits until something holds, a turn of the event loop at a time. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A promise to be settled from outside. */
export function gate(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open = (): void => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
