/** P1: what the host sees of us. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  client,
  configure,
  event,
  flush,
  generation,
  memorySink,
  observe,
  score,
  shutdown,
  startSpan,
  stats,
  updateTrace,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import type { Case } from "../observe/conformance/case.ts";
import { cases } from "../observe/conformance/cases/index.ts";
import { compareRuns } from "../observe/conformance/compare.ts";
import { modes } from "../observe/conformance/modes.ts";
import type { Played } from "../observe/conformance/play.ts";
import { functionTargets, memberTargets } from "../observe/conformance/targets.ts";
import { tc39Targets } from "../observe/conformance/targets-tc39.ts";
import { assertBooks } from "../support/books.ts";

/** What functions return and throw: 60 of the conformance suite's 747 programs, of every kind. */
const KINDS = [
  "value: undefined",
  "value: an object",
  "value: a frozen object",
  "value: an instance with private state",
  "value: a function",
  "value: a revoked proxy",
  "value: a proxy that reports every trap",
  "value: getters that throw",
  "value: an object whose toJSON and toString report",
  "value: a cycle",
  "throws an Error",
  "throws null",
  "throws undefined",
  "throws a string",
  "throws a frozen error",
  "throws a revoked proxy",
  "throws an error with throwing getters",
  "throws an error that causes itself",
  "promise: fulfils at once; await",
  "promise: fulfils later; two branches",
  "promise: rejects at once; nothing",
  "promise: rejects later; catch",
  "promise: rejects with null",
  "promise: rejects with a frozen error",
  "promise: rejects with an Error, unhandled",
  "promise: never settles",
  "promise: own properties come along",
  "promise: order against other microtasks and timers",
  "the caller's own AsyncLocalStorage reaches the body and its continuations",
  "thenable: a lazy query that fulfils; nothing",
  "thenable: a lazy query that fulfils; await",
  "thenable: a lazy query that rejects; await",
  "thenable: an API promise that fulfils; await",
  "thenable: an API promise that rejects; nothing",
  "thenable: a promise of another realm that fulfils; await",
  "thenable: a then that calls back twice that fulfils; await",
  "thenable: a frozen thenable that fulfils; await",
  "API promise that fulfils: withResponse()",
  "API promise that fulfils: asResponse()",
  "API promise that rejects: parse()",
  "generator: never started",
  "generator: run to its end",
  "generator: thrown null into",
  "generator: for of with break",
  "generator: its shape",
  "async generator: for await",
  "async generator: for await with break",
  "async generator: throws a frozen error, and nobody waits",
  "an iterator whose results throw when read: for of",
  "a frozen iterator: by hand",
  "async iterable without next: for await",
  "a frozen async iterable",
  "Readable: for await",
  "Readable: destroyed with an error that nobody hears",
  "ReadableStream that reads nothing ahead: nothing",
  "ReadableStream that reads nothing ahead: for await with break",
  "ReadableStream of bytes: a reader to the end",
  "ReadableStream: its cancel fails with an Error",
  "Response 200: json",
  "Response 404: nothing",
];
/** Each way of being observed runs every tenth kind, beginning elsewhere. */
const STEP = 10;

const kinds = KINDS.map((name) => cases.find((each) => each.name === name) as Case);
const targets = [...memberTargets, ...functionTargets, ...tc39Targets];
const functions = targets.flatMap((target, at) =>
  kinds
    .filter((each, index) => index % STEP === at % STEP && (target.transparent || each.transparentOnly !== true))
    .map((each) => ({ each, target })),
);

function noticed({ lines }: Played, what: string): number {
  return lines.filter((line) => line.startsWith(`process ${what}`)).length;
}

test("P1 every function behaves identically with no sink, with sinks, masks, clocks, ids and carriers that fail", async (t) => {
  assert.equal(kinds.indexOf(undefined as never), -1, "a kind is not in the conformance suite any more");
  const count = { differences: 0, plain: [0, 0], observed: [0, 0] };
  const EVENTS = ["unhandledRejection", "uncaughtException"];
  const found: string[] = [];
  for (const { name, set, o = observe, around } of modes) {
    set();
    for (const { each, target } of functions) {
      const run = await compareRuns(each, target, o, around);
      found.push(...run.found.map((difference) => `${name}, ${target.name}, ${each.name}: ${difference}`));
      for (const [i, event] of EVENTS.entries()) {
        count.plain[i]! += noticed(run.expected, event);
        count.observed[i]! += noticed(run.got, event);
      }
    }
    assertBooks(stats());
    await shutdown({ timeoutMs: 20 });
    assertBooks(stats());
  }
  assert.deepEqual(found, []);
  assert.deepEqual(count.observed, count.plain);
  assert.ok(count.plain[0]! > 0, "no program leaves a rejection unhandled: nothing is compared");
  const [rejections, exceptions] = count.observed;
  t.diagnostic(
    `figure: ${functions.length} functions × ${modes.length} states, ${found.length} differences, ` +
      `${rejections} unhandledRejection and ${exceptions} uncaughtException, with and without`,
  );
});

/** Stands for anything: every touch throws, or gives more of the same. */
function hostile(): any {
  const fails = (): never => {
    throw new Error("of the host's");
  };
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const traps = { get: fails, ownKeys: fails, has: fails, getPrototypeOf: fails, getOwnPropertyDescriptor: fails };
  const getters = Object.defineProperties(
    {},
    Object.fromEntries(
      [
        "name",
        "model",
        "type",
        "startTime",
        "endTime",
        "parent",
        "value",
        "metadata",
        "traceId",
        "agentId",
        "tags",
      ].map((key) => [key, { get: fails, enumerable: true }]),
    ),
  );
  return [
    undefined,
    null,
    0,
    5n,
    "text",
    Symbol("s"),
    () => {},
    [],
    Object.create(null),
    { toString: fails, valueOf: fails, [Symbol.toPrimitive]: fails },
    proxy,
    new Proxy({}, traps),
    getters,
    new Date(Number.NaN),
    { __proto__: null, name: Symbol("n"), model: Symbol("m"), type: {}, kind: { a: 1n }, level: [], links: 5 },
    { name: 5n, startTime: Symbol("t"), endTime: {}, usage: 1n, cost: null, links: [null, { traceId: {} }] },
    { name: "n", value: 1, id: { big: 1n }, traceId: Symbol("t"), spanId: [], sessionId: 5n, parent: { traceId: 5 } },
    { name: "n", parent: { traceId: "a".repeat(32), trace: 5 }, tags: [Symbol("t"), 1n], metadata: 5, genAi: 5n },
  ];
}

test("P1 nothing of the manual side throws, and what it writes is JSON, whatever it is given in whatever place", async (t) => {
  const sink = memorySink();
  configure({ sinks: [sink] });
  const values = hostile() as any[];
  let calls = 0;
  const call = (fn: (a: any, b: any) => unknown): void => {
    for (const a of values) {
      for (const b of values) {
        calls++;
        fn(a, b);
      }
    }
  };
  call((a, b) => startSpan(a, b).update(b).event(a, b).fail(a).end(b));
  call((a, b) => withSpan(a, b, (span) => span.update(a)));
  call((a, b) => generation({ model: a, usage: b, name: b } as never));
  call((a, b) => [generation(a), event(a, b), score(a), updateTrace(b)]);
  call((a, b) => score({ name: "s", value: 1, id: a, traceId: b, sessionId: a, metadata: b, comment: a }));
  call((a, b) => withTrace(a, () => withContext(b, () => startSpan("inside").end())));
  call((a, b) => {
    const trace = client.startTrace(a);
    client.endSpan(client.startSpan(trace.id, b).id, a);
    client.startSpan(a, b);
    client.generation(b);
    client.endTrace(trace.id, b);
    client.endTrace(a, b);
  });
  call((a, b) => observe({ metadata: a, attributes: b, name: "o", model: a, trace: b } as never, () => 1)());
  assertBooks(stats());
  await flush();
  assert.ok(sink.all.length > 1_000, `${sink.all.length} records`);
  for (const record of sink.all) assert.deepEqual(JSON.parse(JSON.stringify(record)), record);
  assertBooks(stats());
  t.diagnostic(`figure: ${calls} calls with ${values.length} hostile values, 0 thrown, ${sink.all.length} records`);
  await shutdown();
});
