/** The real http sink and the real pipeline against a flaky server: sockets are real, time is not. */
import type { TestContext } from "node:test";
import { type FlakyScript, type FlakyServer, flakyServer } from "sightline/testing";
import type { PipelineOptions } from "../../../src/pipeline/options.ts";
import { type HttpSinkOptions, httpSink } from "../../../src/sinks/http.ts";
import { type Rig, rig, turns } from "../../pipeline/rig.ts";

export interface Wire extends Omit<Rig, "advance"> {
  readonly server: FlakyServer;
  /** When the sink was asked to write, in fake milliseconds; what never reaches the server is in here too. */
  readonly attempts: readonly number[];
  /** Lets everything happen that needs no time to pass. */
  settle(): Promise<void>;
  /** So much time passes at once; for exact moments. */
  pass(ms: number): Promise<void>;
  /** So much time passes in steps of 100 ms, so that what follows upon a timer sets its own in time. */
  advance(ms: number): Promise<void>;
}

/** After the test the books must balance, and everything is closed. */
export async function wire(
  t: TestContext,
  steps: readonly FlakyScript[],
  { sink: options = {}, lane = {} }: { sink?: Partial<HttpSinkOptions>; lane?: Partial<PipelineOptions> } = {},
): Promise<Wire> {
  const now = () => Date.now();
  const server = await flakyServer(steps, { clock: { monotonicMs: now } });
  t.after(server.close);
  const attempts: number[] = [];
  let ended = 0;
  // Of the attempt in flight: the request that it became, and whether the headers of its answer are here.
  let request = Number.POSITIVE_INFINITY;
  let isHeard = false;
  const noting: typeof fetch = async (...args) => {
    request = server.requests.length;
    const response = await fetch(...args);
    isHeard = true;
    return response;
  };
  const sink = httpSink({ url: server.url, fetch: noting, clock: { epochMs: now, monotonicMs: now }, ...options });
  const noted: typeof sink = {
    ...sink,
    async write(batch, signal) {
      attempts.push(Date.now());
      request = Number.POSITIVE_INFINITY;
      isHeard = false;
      try {
        return await sink.write(batch, signal);
      } finally {
        ended++;
      }
    },
  };
  const base = rig(t, [noted], { batchMs: 10, ...lane });
  spareFetch(t);

  /** The attempt in flight can do nothing but wait for time to pass. */
  function isWaiting(): boolean {
    const step = server.requests[request]?.step;
    return step !== undefined && ("hang" in step || ("drip" in step && isHeard));
  }

  /** Until there was a round in which nothing began or ended. */
  async function settle(): Promise<void> {
    for (let before = -1; before !== attempts.length + ended || (ended < attempts.length && !isWaiting()); ) {
      before = attempts.length + ended;
      await turns();
    }
  }

  async function pass(ms: number): Promise<void> {
    await settle();
    t.mock.timers.tick(ms);
    await settle();
  }

  return {
    ...base,
    server,
    attempts,
    settle,
    pass,
    async advance(ms) {
      for (let left = ms; left > 0; left -= 100) await pass(Math.min(100, left));
    },
  };
}

const real = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
const RealTimeout = real.setTimeout(() => {}, 0).constructor;

/** Gives `fetch` its real timers back: it keeps some from test to test, and mocked ones would outlive their clock. */
function spareFetch(t: TestContext): void {
  const mocked = { setTimeout: globalThis.setTimeout, clearTimeout: globalThis.clearTimeout };
  const isFetch = () => new Error().stack?.includes("node:internal/deps/undici") === true;
  const set = (...args: [() => void, number]) => (isFetch() ? real : mocked).setTimeout(...args);
  const clear = (timer: NodeJS.Timeout) => (timer instanceof RealTimeout ? real : mocked).clearTimeout(timer);
  Object.assign(globalThis, { setTimeout: set, clearTimeout: clear });
  t.after(() => Object.assign(globalThis, mocked));
}
