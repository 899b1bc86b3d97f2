import { once } from "node:events";
import { createInterface } from "node:readline";
import { PassThrough, Readable, Writable } from "node:stream";
import { finished, pipeline } from "node:stream/promises";
import type { Case } from "../case.ts";
import type { World } from "../world.ts";

/** Counts what is pulled from it, so that reading ahead shows. */
function source(w: World, options: { fail?: unknown; chunks?: number; objectMode?: boolean } = {}): Readable {
  let left = options.chunks ?? 3;
  return new Readable({
    objectMode: options.objectMode ?? false,
    highWaterMark: 1,
    read() {
      w.log("read");
      if (left-- > 0) this.push(options.objectMode ? { left } : "x");
      else if ("fail" in options) this.destroy(options.fail as Error);
      else this.push(null);
    },
    destroy(error, done) {
      w.log("destroyed", { error });
      done(error);
    },
  });
}

function sink(w: World): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      w.log("wrote", String(chunk));
      done();
    },
  });
}

const USES: Readonly<Record<string, { use: (stream: Readable, w: World) => unknown; end?: Case["end"] }>> = {
  nothing: { use: (_, w) => w.turn(3), end: "open" },
  "for await": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", String(chunk));
        w.caller();
      }
    },
    end: "ok",
  },
  "for await with break": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", String(chunk));
        break;
      }
      w.log("destroyed", stream.destroyed);
    },
    end: "ok",
  },
  "on data": {
    use: async (stream, w) => {
      stream.on("data", (chunk) => w.log("data", String(chunk)));
      await once(stream, "end");
      await w.turn(2);
    },
    end: "ok",
  },
  readable: {
    use: async (stream, w) => {
      stream.on("readable", () => {
        for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) w.log("read", String(chunk));
      });
      await once(stream, "end");
      await w.turn(2);
    },
    end: "ok",
  },
  pipeline: {
    use: async (stream, w) => {
      await pipeline(stream, sink(w));
      await w.turn(2);
    },
    end: "ok",
  },
  "destroyed by the caller": {
    use: async (stream) => {
      stream.destroy();
      await once(stream, "close");
    },
    end: "ok",
  },
  "destroyed with an error that is listened to": {
    use: async (stream, w) => {
      stream.on("error", (error) => w.log("error", { error }));
      stream.destroy(w.tag("thrown", new Error("boom")));
      await once(stream, "close").catch(() => {});
      await w.turn(2);
    },
    end: "error",
  },
  "destroyed with an error that nobody hears": {
    use: async (stream, w) => {
      stream.destroy(w.tag("thrown", new Error("boom")));
      await w.turn(4);
    },
  },
  "its shape": {
    use: (stream, w) => {
      w.log("flowing", stream.readableFlowing, stream.readableDidRead, stream.readableLength, stream.destroyed);
      w.log("listeners", stream.listenerCount("data"), stream.listenerCount("error"), stream.listenerCount("end"));
      w.log("instance", stream instanceof Readable);
    },
  },
};

const table = Object.entries(USES).map(
  ([how, { use, end }]): Case => ({
    name: `Readable: ${how}`,
    body: (w) => w.tag("stream", source(w)),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as Readable;
      w.log("returned", { stream });
      if (stream instanceof Readable) await use(stream, w);
      await w.turn(2);
    },
    end,
    slack: 40,
  }),
);

async function readAll(call: () => unknown, w: World): Promise<void> {
  const stream = w.attempt("call", call) as Readable;
  w.log("returned", { stream });
  const loop = async (): Promise<void> => {
    for await (const chunk of stream) w.log("got", String(chunk));
  };
  await w.settle("loop", loop());
  await w.turn(2);
}

export const nodeStreams: readonly Case[] = [
  ...table,
  {
    name: "Readable: fails half way",
    body: (w) => w.tag("stream", source(w, { chunks: 1, fail: w.tag("thrown", new Error("boom")) })),
    use: readAll,
    end: "error",
    slack: 40,
  },
  { name: "Readable: of objects", body: (w) => source(w, { objectMode: true }), use: readAll, end: "ok", slack: 40 },
  { name: "Readable: from an array", body: () => Readable.from(["a", "b"]), use: readAll, end: "ok", slack: 40 },
  {
    name: "Readable: frozen by nothing, but ended already",
    body: async (w) => {
      const stream = source(w, { chunks: 0 });
      stream.resume();
      await finished(stream);
      return w.tag("stream", stream);
    },
    use: async (call, w) => {
      await w.settle("await", w.attempt("call", call));
    },
    end: "ok",
    slack: 1,
  },
  {
    name: "Duplex: written and read",
    body: () => new PassThrough(),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as PassThrough;
      if (!(stream instanceof PassThrough)) return;
      stream.end("through");
      for await (const chunk of stream) w.log("got", String(chunk));
      await w.turn(2);
    },
    end: "ok",
  },
  {
    name: "Writable: written by the caller",
    body: (w) => sink(w),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as Writable;
      if (!(stream instanceof Writable)) return;
      stream.write("a");
      stream.end("b");
      await finished(stream);
      await w.turn(2);
    },
    end: "ok",
  },
  {
    name: "Readable: one stream given out by many calls warns nobody",
    body: (w) => {
      const stream = shared.get(w) ?? source(w);
      shared.set(w, stream);
      return w.tag("stream", stream);
    },
    use: async (call, w) => {
      for (let i = 0; i < 20; i++) w.attempt("call", call);
      await w.turn(2);
    },
  },
  {
    name: "readline: lines of a stream",
    body: () => createInterface({ input: Readable.from(["one\n", "two\n"]) }),
    use: readAll,
    slack: 40,
  },
];

/** The one stream of a world, for programs that give out the same object again. */
const shared = new WeakMap<World, Readable>();
