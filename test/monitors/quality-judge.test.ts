import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { MessageChannel } from "node:worker_threads";
import {
  carrier,
  configure,
  flush,
  generation,
  memorySink,
  observe,
  type Span,
  shutdown,
  startSpan,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import type { SpanRecord } from "../../src/core/record.ts";
import { judge } from "../../src/monitors/quality/judge.ts";
import type { QualityOptions } from "../../src/monitors/quality/options.ts";
import { quality } from "../../src/monitors/quality/quality.ts";
import { scorer } from "../../src/monitors/quality/scorer.ts";

// Timers of monitors keep no process alive.
const alive = setInterval(() => {}, 1_000);
after(() => clearInterval(alive));
after(() => shutdown());

const VERDICT = '{"score": 0.5, "reason": "fair"}';

/** A model call that is observed; what it is given and what it says are recorded. */
function callModel(prompt: string): string {
  const input = [{ role: "user", content: prompt }];
  generation({ model: "gpt-4.1", input, output: VERDICT });
  return VERDICT;
}

/** Says the same otherwise: not by its words, only by where it stands can this be known for the judge's. */
const callReworded = (prompt: string): string => callModel(`Please: ${prompt}`);

/** One answer and ten flushes: how often the judge was asked, and what was recorded. */
async function askedTimes(
  ask: (prompt: string) => string | Promise<string>,
  options: QualityOptions = {},
  around: (answer: () => void) => void = (answer) => answer(),
) {
  let asked = 0;
  const counted = async (prompt: string) => {
    // Where it has no end, the test has one.
    return ++asked > 20 ? VERDICT : ask(prompt);
  };
  const sink = memorySink();
  const monitor = quality({ ...options, scorers: [judge({ ask: counted, criteria: "Is it polite?" })] });
  configure({ sinks: [sink, monitor] });
  around(() => void generation({ model: "gpt-4.1", input: "Solve 3x = 3", output: "x = 1" }));
  for (let i = 0; i < 10; i++) await flush();
  const spans = sink.records.filter(({ record }) => record === "span") as SpanRecord[];
  await shutdown();
  return { asked, spans, scored: monitor.counts().scored };
}

const isGeneration = ({ type }: SpanRecord): boolean => type === "generation";

test("a judge that names a feature of its own with withTrace is not judged", async () => {
  const ask = (prompt: string) => withTrace({ feature: "mine" }, () => callReworded(prompt));
  const { asked, spans, scored } = await askedTimes(ask);
  assert.deepEqual([asked, scored], [1, 1]);
  assert.deepEqual(
    spans.map(({ trace }) => trace.feature),
    [undefined, "mine"],
    "its call is recorded all the same",
  );
});

test("a judge that renames its trace with updateTrace is not judged", async () => {
  const before = (prompt: string) => {
    updateTrace({ feature: "mine" });
    return callReworded(prompt);
  };
  const within = (prompt: string) =>
    withSpan("ask", async () => {
      updateTrace({ feature: "mine" });
      await new Promise(setImmediate);
      return callReworded(prompt);
    });
  for (const ask of [before, within]) assert.equal((await askedTimes(ask)).asked, 1);
});

test("a judge that starts traces of its own is not judged", async () => {
  const asRoot = observe({ name: "asRoot", root: true }, callReworded);
  const detached = (prompt: string) =>
    withSpan("detached", { parent: null }, async () => {
      updateTrace({ feature: "mine" });
      await new Promise(setImmediate);
      return withSpan("deeper", { parent: null }, () => callReworded(prompt));
    });
  const observed = (prompt: string) => withTrace({ feature: "mine" }, () => asRoot(prompt));
  const byHand = (prompt: string) => {
    generation({ parent: null, model: "gpt-4.1", input: "?", output: prompt });
    return VERDICT;
  };
  for (const ask of [detached, observed, byHand]) {
    const { asked, spans } = await askedTimes(ask);
    assert.equal(asked, 1);
    assert.equal(spans.filter(isGeneration).length, 2);
  }
});

test("a judge is not judged whatever select says", async () => {
  const options: QualityOptions = { select: ({ type }) => type === "generation" };
  assert.equal((await askedTimes(callReworded, options)).asked, 1);
  const renamed = (prompt: string) => withTrace({ feature: "mine" }, () => callReworded(prompt));
  assert.equal((await askedTimes(renamed, options)).asked, 1);
});

test("a judge that joins another trace is not judged, and the answers of that trace are", async () => {
  let outer: Span | undefined;
  const ways: ((prompt: string) => string)[] = [
    (prompt) => withSpan("joined", { parent: outer! }, () => callReworded(prompt)),
    (prompt) => withSpan("joined", { parent: outer!.traceparent() }, () => callReworded(prompt)),
    (prompt) => withContext({ traceparent: outer!.traceparent() }, () => callReworded(prompt)),
    (prompt) => withSpan("left", () => withContext({ traceparent: outer!.traceparent() }, () => callReworded(prompt))),
  ];
  for (const ask of ways) {
    const two = (answer: () => void): void => {
      outer = startSpan("app");
      withSpan("request", { parent: outer }, () => {
        answer();
        answer();
      });
    };
    const { asked, spans, scored } = await askedTimes(ask, {}, two);
    assert.deepEqual([asked, scored], [2, 2]);
    const calls = spans.filter(isGeneration);
    assert.deepEqual([calls.length, new Set(calls.map(({ traceId }) => traceId)).size], [4, 1]);
  }
});

test("what goes on in the judge's trace from elsewhere is not judged", async () => {
  const { port1, port2 } = new MessageChannel();
  // A worker that listens since before, outside of every context.
  port2.on("message", ({ context, prompt }) => {
    withContext(context, () => port2.postMessage(callReworded(prompt)));
  });
  const ask = (prompt: string) =>
    withSpan("ask", async () => {
      port1.postMessage({ context: carrier(), prompt });
      const [answer] = await once(port1, "message");
      return answer;
    });
  assert.equal((await askedTimes(ask)).asked, 1);
  port1.close();
});

test("a call that a worker makes outside of the judge's context is known by the prompt", async () => {
  const { port1, port2 } = new MessageChannel();
  port2.on("message", (prompt) => port2.postMessage(callModel(prompt)));
  const ask = async (prompt: string) => {
    port1.postMessage(prompt);
    const [answer] = await once(port1, "message");
    return answer;
  };
  const { asked, spans } = await askedTimes(ask);
  assert.equal(asked, 1);
  assert.deepEqual(
    spans.map(({ trace }) => trace.feature),
    [undefined, undefined],
    "nothing else tells it from an answer",
  );
  port1.close();
});

test("one judge is not judged by the judge of another monitor", async () => {
  let asked = 0;
  const monitorOf = (name: string) => {
    const ask = async (prompt: string) => {
      if (++asked > 20) return VERDICT;
      return withTrace({ feature: name }, () => callReworded(prompt));
    };
    return quality({ name, scorers: [judge({ ask, criteria: "Is it polite?" })] });
  };
  configure({ sinks: [monitorOf("first"), monitorOf("second")] });
  generation({ model: "gpt-4.1", input: "Solve 3x = 3", output: "x = 1" });
  for (let i = 0; i < 10; i++) await flush();
  await shutdown();
  assert.equal(asked, 2);
});

test("answers that come while a judge is asked are judged", async () => {
  const answers: ((verdict: string) => void)[] = [];
  const ask = () => new Promise<string>((resolve) => answers.push(resolve));
  const monitor = quality({ scorers: [judge({ ask, criteria: "Is it polite?" }), scorer(() => 1, { name: "one" })] });
  configure({ sinks: [monitor] });
  const answer = () => generation({ model: "gpt-4.1", input: "Solve 3x = 3", output: "x = 1" });
  answer();
  const first = flush({ timeoutMs: 50 });
  while (answers.length < 1) await new Promise((resolve) => setImmediate(resolve));
  answer();
  await first;
  await flush({ timeoutMs: 50 });
  while (answers.length < 2) await new Promise((resolve) => setImmediate(resolve));
  for (const say of answers) say(VERDICT);
  await flush();
  assert.equal(monitor.counts().scored, 2);
  await shutdown();
});
