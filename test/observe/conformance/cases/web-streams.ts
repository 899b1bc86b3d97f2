import { ReadableStream, TransformStream, WritableStream } from "node:stream/web";
import type { Case } from "../case.ts";
import { FEW_THROWN, perThrown } from "../thrown.ts";
import type { World } from "../world.ts";

interface Source {
  readonly highWaterMark?: number;
  readonly fail?: () => unknown;
  readonly chunks?: number;
  readonly bytes?: boolean;
}

const pulls = new WeakMap<World, number>();
/** The one stream of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, ReadableStream>();

/** Counts its pulls: the count is what a consumer's backpressure looks like from upstream. */
function source(w: World, { highWaterMark = 0, fail, chunks = 3, bytes = false }: Source = {}): ReadableStream {
  let left = chunks;
  pulls.set(w, 0);
  const underlying = {
    pull(controller: { enqueue(chunk: unknown): void; close(): void; byobRequest?: unknown; error(e: unknown): void }) {
      pulls.set(w, (pulls.get(w) ?? 0) + 1);
      if (left-- > 0) controller.enqueue(bytes ? new Uint8Array([left]) : w.tag(`chunk ${left}`, { left }));
      else if (fail !== undefined) throw fail();
      else {
        controller.close();
        (controller.byobRequest as { respond(n: number): void } | null)?.respond(0);
      }
    },
    cancel(reason: unknown) {
      w.log("cancelled upstream", { reason });
    },
  };
  return bytes
    ? new ReadableStream({ ...underlying, type: "bytes" } as never, { highWaterMark })
    : new ReadableStream(underlying as never, { highWaterMark });
}

/** How far upstream has been pulled once everything pending has happened. */
async function pulled(w: World): Promise<void> {
  await w.turn(2);
  w.log("pulls", pulls.get(w));
}

function sink(w: World): WritableStream {
  return new WritableStream({ write: (chunk) => w.log("wrote", { chunk }), close: () => w.log("closed") });
}

async function drain(stream: ReadableStream, w: World): Promise<void> {
  for await (const chunk of stream) {
    w.log("got", { chunk });
    w.caller();
  }
}

const USES: Readonly<Record<string, { use: (stream: ReadableStream, w: World) => unknown; end?: Case["end"] }>> = {
  nothing: { use: (_, w) => pulled(w), end: "open" },
  "for await": { use: drain, end: "ok" },
  "for await with break": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", { chunk });
        await pulled(w);
        break;
      }
      w.log("locked", stream.locked);
    },
    end: "ok",
  },
  "for await that keeps it open": {
    use: async (stream, w) => {
      for await (const chunk of stream.values({ preventCancel: true })) {
        w.log("got", { chunk });
        break;
      }
      await drain(stream, w);
    },
    end: "ok",
  },
  "a reader, one chunk": {
    use: async (stream, w) => {
      const reader = stream.getReader();
      w.log("read", { result: await reader.read() });
      await pulled(w);
    },
    end: "open",
  },
  "a reader to the end": {
    use: async (stream, w) => {
      const reader = stream.getReader();
      for (let i = 0; i < 5; i++) w.log("read", { result: await reader.read() });
      await w.settle("closed", reader.closed);
    },
    end: "ok",
  },
  "three reads at once": {
    use: async (stream, w) => {
      const reader = stream.getReader();
      await w.settle("all", Promise.all([reader.read(), reader.read(), reader.read(), reader.read()]));
    },
    end: "ok",
  },
  "two readers, one after the other": {
    use: async (stream, w) => {
      const first = stream.getReader();
      w.log("first", { result: await first.read() });
      await w.turn();
      w.attempt("locked", () => stream.getReader());
      first.releaseLock();
      const second = stream.getReader();
      w.log("second", { result: await second.read() });
      await w.settle("cancel", second.cancel());
    },
    end: "ok",
  },
  "cancelled before the start": {
    use: (stream, w) => w.settle("cancel", stream.cancel(w.tag("reason", { why: "bored" }))),
    end: "ok",
  },
  "cancelled by its reader": {
    use: async (stream, w) => {
      const reader = stream.getReader();
      await reader.read();
      await w.turn();
      await w.settle("cancel", reader.cancel(w.tag("reason", { why: "bored" })));
      await w.settle("closed", reader.closed);
    },
    end: "ok",
  },
  "cancelled while a read waits": {
    use: async (stream, w) => {
      const reader = stream.getReader();
      const reads = [reader.read(), reader.read(), reader.read(), reader.read()];
      await w.settle("cancel", reader.cancel("bored"));
      await w.settle("reads", Promise.all(reads));
    },
  },
  pipeTo: {
    use: (stream, w) => w.settle("pipe", stream.pipeTo(sink(w))),
    end: "ok",
  },
  pipeThrough: {
    use: async (stream, w) => {
      const upper = new TransformStream({ transform: (chunk, c) => c.enqueue([chunk]) });
      await drain(stream.pipeThrough(upper), w);
    },
    end: "ok",
  },
  "piped, and aborted by a signal": {
    use: async (stream, w) => {
      const controller = new AbortController();
      const reason = w.tag("reason", { why: "abort" });
      const slow = new WritableStream({ write: () => void controller.abort(reason) });
      await w.settle("pipe", stream.pipeTo(slow, { signal: controller.signal }));
    },
  },
  tee: {
    use: async (stream, w) => {
      const [left, right] = stream.tee();
      for await (const chunk of left) w.log("left", { chunk });
      for await (const chunk of right) w.log("right", { chunk });
    },
    end: "ok",
  },
  "its shape": {
    use: (stream, w) => {
      w.log("locked", stream.locked, stream instanceof ReadableStream, Object.prototype.toString.call(stream));
      w.log("keys", Object.keys(stream), Object.getPrototypeOf(stream) === ReadableStream.prototype);
    },
  },
};

function streamCase(kind: string, options: Source, how: string): Case {
  const { use, end } = USES[how] as (typeof USES)[string];
  return {
    name: `ReadableStream ${kind}: ${how}`,
    body: (w) => source(w, options),
    use: async (call, w) => {
      const stream = w.attempt("call", call);
      w.log("a stream", stream instanceof ReadableStream);
      if (stream instanceof ReadableStream) await use(stream, w);
      await pulled(w);
    },
    end,
    slack: 40,
  };
}

const KINDS: Readonly<Record<string, Source>> = {
  "that reads nothing ahead": {},
  "that reads two ahead": { highWaterMark: 2 },
  "of bytes": { bytes: true },
};

async function drainCall(call: () => unknown, w: World): Promise<void> {
  const stream = w.attempt("call", call) as ReadableStream;
  if (stream instanceof ReadableStream) await w.settle("drain", drain(stream, w));
  await pulled(w);
}

class Labelled extends (ReadableStream as new (source: UnderlyingDefaultSource) => ReadableStream) {
  label(): string {
    return "labelled";
  }
}

export const webStreams: readonly Case[] = [
  ...Object.entries(KINDS).flatMap(([kind, options]) => Object.keys(USES).map((how) => streamCase(kind, options, how))),
  ...perThrown(
    (what, thrown): Case => ({
      name: `ReadableStream: fails with ${what}`,
      body: (w) => source(w, { chunks: 1, fail: () => thrown(w) }),
      use: drainCall,
      end: "error",
      slack: 40,
    }),
    FEW_THROWN,
  ),
  ...perThrown(
    (what, thrown): Case => ({
      name: `ReadableStream: its cancel fails with ${what}`,
      body: (w) =>
        new ReadableStream({
          cancel() {
            throw thrown(w);
          },
        }),
      use: async (call, w) => {
        const stream = w.attempt("call", call) as ReadableStream;
        if (stream instanceof ReadableStream) await w.settle("cancel", stream.cancel("why"));
      },
      slack: 40,
    }),
    FEW_THROWN,
  ),
  {
    name: "ReadableStream of bytes: read into the caller's buffer",
    body: (w) => source(w, { bytes: true }),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as ReadableStream;
      if (!(stream instanceof ReadableStream)) return;
      const reader = w.attempt("getReader", () => stream.getReader({ mode: "byob" }));
      if (reader === undefined) return;
      for (let i = 0; i < 4; i++) {
        const { value, done } = await reader.read(new Uint8Array(8));
        w.log("read", done, value?.byteLength, value?.[0]);
      }
    },
    end: "ok",
    slack: 40,
  },
  {
    name: "ReadableStream: the body of a Response made by the caller",
    body: (w) => source(w, { bytes: true }),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as ReadableStream;
      if (stream instanceof ReadableStream) {
        await w.settle(
          "bytes",
          new Response(stream as never).arrayBuffer().then((bytes) => bytes.byteLength),
        );
      }
      await w.turn(2);
    },
    end: "ok",
    slack: 40,
  },
  {
    name: "ReadableStream: locked by the body",
    body: (w) => {
      const stream = source(w);
      stream.getReader();
      return stream;
    },
    use: async (call, w) => {
      const stream = w.attempt("call", call) as ReadableStream;
      w.log("locked", stream?.locked);
      w.attempt("getReader", () => stream?.getReader());
      if (stream instanceof ReadableStream) await w.settle("cancel", stream.cancel());
    },
    slack: 40,
  },
  {
    name: "ReadableStream: with own properties",
    body: (w) => Object.assign(source(w), { requestId: "r1", stop: w.tag("stop", () => w.log("stopped")) }),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as ReadableStream & { requestId?: string; stop?(): void };
      w.log("own", stream?.requestId, { stop: stream?.stop });
      stream?.stop?.();
      if (stream instanceof ReadableStream) await drain(stream, w);
    },
    slack: 40,
  },
  {
    name: "ReadableStream: one stream given out by several calls can be read",
    body: (w) => {
      const stream = shared.get(w) ?? source(w);
      shared.set(w, stream);
      return stream;
    },
    use: async (call, w) => {
      const [first, second] = [w.attempt("call", call), w.attempt("call", call)] as ReadableStream[];
      w.log("the same", first === second, "locked", first?.locked, second?.locked);
      if (second instanceof ReadableStream) await w.settle("drain", drain(second, w));
    },
    end: "ok",
    transparentOnly: true,
    slack: 40,
  },
  {
    name: "ReadableStream: the body keeps it and reads it itself",
    body: (w) => {
      const stream = source(w);
      setImmediate(() => w.settle("the body reads", stream.getReader().read()));
      return stream;
    },
    use: async (call, w) => {
      w.attempt("call", call);
      await w.turn(5);
    },
    slack: 40,
  },
  {
    name: "ReadableStream: a subclass keeps its methods",
    body: () => new Labelled({ start: (controller) => controller.close() }),
    use: (call, w) => {
      const stream = w.attempt("call", call) as Labelled;
      w.log("instance", stream instanceof Labelled, stream?.label?.());
    },
  },
  {
    name: "ReadableStream: the body keeps it and cancels it later",
    body: (w) => {
      const stream = source(w);
      setImmediate(() =>
        stream.cancel(w.tag("reason", { why: "the body" })).then(
          () => w.log("the body cancelled it"),
          (error) => w.log("the body could not cancel it", { error }),
        ),
      );
      return stream;
    },
    use: async (call, w) => {
      const stream = w.attempt("call", call) as ReadableStream;
      await w.turn(2);
      if (stream instanceof ReadableStream) await w.settle("drain", drain(stream, w));
    },
    slack: 40,
  },
  {
    name: "ReadableStream: the readable side of a transform",
    body: (w) => source(w).pipeThrough(new TransformStream()),
    use: drainCall,
    end: "ok",
    slack: 40,
  },
];
