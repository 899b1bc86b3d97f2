import type { Case } from "../case.ts";
import { FEW_THROWN, perThrown } from "../thrown.ts";
import type { World } from "../world.ts";

type AsyncGen = AsyncGenerator<any, any, any>;

/** Shaped like the event stream of generated API clients: no `next` of its own, one pass only. */
class EventStream {
  readonly controller: AbortController = new AbortController();
  readonly iterator: () => AsyncIterator<unknown>;
  constructor(iterator: () => AsyncIterator<unknown>) {
    this.iterator = iterator;
  }
  [Symbol.asyncIterator](): AsyncIterator<unknown> {
    return this.iterator();
  }
  tee(): [EventStream, EventStream] {
    const source = this.iterator();
    const left: Promise<IteratorResult<unknown>>[] = [];
    const right: Promise<IteratorResult<unknown>>[] = [];
    const side = (queue: typeof left) => () => ({
      next: () => {
        if (queue.length === 0) {
          const result = source.next();
          left.push(result);
          right.push(result);
        }
        return queue.shift() as Promise<IteratorResult<unknown>>;
      },
    });
    return [new EventStream(side(left)), new EventStream(side(right))];
  }
}

function eventStream(w: World, fail?: () => unknown): EventStream {
  let consumed = false;
  async function* iterate(): AsyncGen {
    if (consumed) throw new Error("consumed already");
    consumed = true;
    let done = false;
    try {
      w.child();
      yield w.tag("one", { n: 1 });
      await w.turn();
      w.child();
      if (fail !== undefined) throw fail();
      yield { n: 2 };
      done = true;
    } finally {
      w.log(done ? "finished" : "aborted upstream");
    }
  }
  return new EventStream(iterate);
}

const STREAM_USES: Readonly<Record<string, { use: (stream: EventStream, w: World) => unknown; end?: Case["end"] }>> = {
  nothing: { use: (_, w) => w.turn(), end: "open" },
  "for await": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", { chunk });
        w.caller();
      }
    },
    end: "ok",
  },
  "for await with break": {
    use: async (stream, w) => {
      for await (const chunk of stream) {
        w.log("got", { chunk });
        break;
      }
    },
    end: "ok",
  },
  "iterated twice": {
    use: async (stream, w) => {
      for (let pass = 0; pass < 2; pass++) {
        const loop = async (): Promise<void> => {
          for await (const chunk of stream) w.log("got", { chunk });
        };
        await w.settle("pass", loop());
      }
    },
  },
  tee: {
    use: async (stream, w) => {
      for (const side of stream.tee()) for await (const chunk of side) w.log("got", { chunk });
    },
  },
  "its shape": {
    use: (stream, w) => {
      w.log("keys", Object.keys(stream), stream instanceof EventStream, stream.controller.signal.aborted);
      w.log("JSON", JSON.stringify(stream));
    },
  },
};

const table = Object.entries(STREAM_USES).map(
  ([how, { use, end }]): Case => ({
    name: `async iterable without next: ${how}`,
    body: (w) => w.tag("stream", eventStream(w)),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as EventStream;
      w.log("returned", { stream });
      if (stream instanceof EventStream) await use(stream, w);
    },
    end,
    slack: 9,
  }),
);

export const eventStreams: readonly Case[] = [
  ...table,
  ...perThrown(
    (what, thrown): Case => ({
      name: `async iterable without next: throws ${what}`,
      body: (w) =>
        w.tag(
          "stream",
          eventStream(w, () => thrown(w)),
        ),
      use: async (call, w) => {
        const stream = w.attempt("call", call) as EventStream;
        const loop = async (): Promise<void> => {
          for await (const chunk of stream) w.log("got", { chunk });
        };
        await w.settle("loop", loop());
      },
      end: "error",
      slack: 9,
    }),
    FEW_THROWN,
  ),
  {
    name: "a frozen async iterable",
    follows: false,
    body: (w) => w.tag("stream", Object.freeze(eventStream(w))),
    use: async (call, w) => {
      const stream = w.attempt("call", call) as EventStream;
      w.log("returned", { stream });
      for await (const chunk of stream ?? []) w.log("got", { chunk });
    },
    slack: 9,
  },
];
