import assert from "node:assert/strict";
import { test } from "node:test";
import { stats } from "sightline";
import { isRecord } from "../../../src/core/is-record.ts";
import type { SpanRecord, TraceRecord } from "../../../src/core/record.ts";
import { findings } from "../../../src/openai/index.ts";
import { sampleRecords } from "../../../src/testing/sample-records.ts";
import { agent, chat, http, inTrace, NOW, openAgent, refused, root, said, step, T, tool } from "./records.ts";

const stuck = { runStatus: "requires_action", expiresAt: T + 600 };

test("a finding is a record: of its trace and span, with the time of looking", () => {
  const run = openAgent(65, stuck);
  const [finding] = findings([run, root({ trace: { userId: "u1" } })], { nowMs: NOW });
  assert.ok(isRecord(JSON.parse(JSON.stringify(finding))));
  const { id, message, nextStep, evidence, ...rest } = finding!;
  assert.match(id, /^[0-9a-f]{16}$/);
  assert.deepEqual(rest, {
    record: "finding",
    schema: 1,
    seq: 0,
    traceId: run.traceId,
    spanId: run.spanId,
    time: `${NOW}000000`,
    name: "stuck_in_requires_action",
    severity: "warning",
    trace: { userId: "u1" },
  });
  assert.deepEqual(evidence, { runId: "run_1", waitedMs: 65_000, leftMs: 535_000, pending: [] });
});

test("the id is the same whenever and however often it is found, and another for another span", () => {
  const run = openAgent(65, stuck);
  const [once] = findings([run]);
  const [again] = findings([run, root(), run], { nowMs: NOW + 9_000 });
  assert.equal(again!.id, once!.id);
  const both = findings([run, openAgent(65, { ...stuck, runId: "run_2" })]);
  assert.equal(new Set(both.map(({ id }) => id)).size, 2);
});

test("of a span that was written several times the newest counts, in any order", () => {
  const before = openAgent(65, stuck);
  const { unfinished, ...after } = agent({}, { spanId: before.spanId, seq: 7 });
  assert.deepEqual(findings([before, after, root()]), []);
  assert.deepEqual(findings([after, before, root()]), []);
});

test("traces come by their first model call, whatever the order of records", () => {
  const one = inTrace(1, chat({ startTime: `${T}000000000` }, { finishReasons: ["length"] }));
  const two = inTrace(2, chat({ startTime: `${T + 9}000000000` }, { finishReasons: ["length"] }));
  const traces = (records: TraceRecord[]) => findings(records).map(({ traceId }) => traceId);
  assert.deepEqual(traces([...two, ...one]), [one[0]!.traceId, two[0]!.traceId]);
});

test("nothing is found in records without model calls, nor in findings and scores", () => {
  assert.deepEqual(findings([]), []);
  assert.deepEqual(
    findings(sampleRecords()).map(({ name }) => name),
    [],
  );
});

test("options that do not exist or make no sense are told at once", () => {
  const bad = (options: unknown) => () => findings([], options as object);
  assert.throws(bad({ stuckAfter: 5 }), {
    name: "ConfigError",
    code: "CONFIG_UNKNOWN_OPTION",
    message: /"stuckAfter".*stuckAfterMs/,
  });
  assert.throws(bad({ stuckAfterMs: -1 }), { code: "CONFIG_BAD_VALUE", message: /stuckAfterMs.*0 or more; it got -1/ });
  assert.throws(bad({ maxPolls: "many" }), { code: "CONFIG_BAD_VALUE" });
  assert.throws(bad({ maxPolls: Number.NaN }), { code: "CONFIG_BAD_VALUE" });
  assert.throws(bad({ off: ["queue"] }), { code: "CONFIG_BAD_VALUE", message: /queue_delay.*\["queue"\]/ });
  assert.throws(bad({ off: "queue_delay" }), { code: "CONFIG_BAD_VALUE" });
  assert.throws(bad({ nowMs: "now" }), { code: "CONFIG_BAD_VALUE" });
  assert.throws(bad(null), { code: "CONFIG_BAD_VALUE" });
  assert.throws(bad([]), { code: "CONFIG_BAD_VALUE" });
  assert.deepEqual(findings([], { maxPolls: undefined, off: [] } as object), []);
});

test("junk in any place of a record is no fault, and nothing throws", () => {
  const faults = stats().internalErrors;
  const junk = [
    null,
    0,
    -1,
    Number.NaN,
    "",
    "x",
    "9".repeat(400),
    true,
    [],
    [null],
    [[]],
    {},
    { type: "tool_call" },
    () => 1,
    1n,
    Symbol("s"),
  ];
  let tried = 0;
  for (const [at, record] of everything().entries()) {
    for (const path of pathsOf(record)) {
      for (const value of junk) {
        const all: TraceRecord[] = everything();
        all[at] = withAt(all[at], path, value) as TraceRecord;
        findings(all, { nowMs: NOW });
        tried++;
      }
    }
  }
  assert.ok(tried > 3_000, String(tried));
  assert.equal(stats().internalErrors, faults, "no rule failed");
});

test("what is no record, and getters that throw, are passed over", () => {
  const faults = stats().internalErrors;
  const thrower = new Proxy(
    {},
    {
      get: () => {
        throw new Error("no");
      },
    },
  );
  const run = openAgent(65, stuck);
  const genAi = {
    get openai(): never {
      throw new Error("no");
    },
  };
  const odd = [
    null,
    undefined,
    7,
    "span",
    [],
    {},
    { record: "span" },
    { ...agent(), genAi },
    { ...agent(), traceId: 3 },
  ];
  const found = findings([...(odd as TraceRecord[]), run]);
  assert.deepEqual(
    found.map(({ name }) => name),
    ["stuck_in_requires_action"],
  );
  assert.equal(stats().internalErrors, faults);
  assert.deepEqual(findings([thrower as TraceRecord, run]).length, 1);
});

/** Records with every fact that a rule reads. */
function everything(): SpanRecord[] {
  const deep = {
    attempts: [{ status: 429, durationMs: 1 }, { status: 429, durationMs: 1, waitMs: 2 }, { durationMs: 3 }],
    polls: { count: 900, maxPerSecond: 40 },
    stream: { events: 3, end: "broken", mismatch: { event: "a", status: "b" } },
    rateLimit: { limitTokens: 9, remainingTokens: 0 },
  } as const;
  const usage = {
    inputTokens: 2000,
    outputTokens: 9,
    totalTokens: 2009,
    cacheReadInputTokens: 0,
    reasoningOutputTokens: 1,
  };
  const call = { type: "tool_call", id: "c1", name: "f", arguments: "{x" };
  return [
    root(),
    agent(
      {
        ...stuck,
        startedAt: T + 50,
        cancellingSince: T,
        errorCode: "e",
        errorMessage: "m",
        incompleteReason: "max_x_tokens",
        stepCount: 2,
        pendingToolCalls: [{ id: "c", name: "n" }],
      },
      {
        unfinished: true,
        http: http(deep),
        usage,
        input: [{ role: "user", parts: [] }],
        output: said(call, { type: "refusal" }),
      },
    ),
    step(1, 2000, 9, { usage, output: said(call) }),
    step(2, 100, 9, { usage }),
    tool(1, "f", "{x", `${"y".repeat(900)}...`, { cuts: [{ path: "output", reason: "string", size: 5000 }] }),
    chat(
      { http: http(deep), usage },
      {
        responseId: "r",
        responseStatus: "in_progress",
        previousResponseId: "q",
        finishReasons: ["length"],
        parameters: { max_tokens: 3 },
        toolDefinitions: [{ type: "function", name: "f" }],
        openai: { background: true },
      },
    ),
    refused(400, "Thread thread_X already has an active run run_1."),
    refused(400, "Expected tool outputs for call_ids ['call_A'], got []"),
    refused(404, "gone", { http: http({ status: 404, route: "/threads" }) }),
  ];
}

function pathsOf(value: unknown, path: string[] = []): string[][] {
  if (typeof value !== "object" || value === null) return path.length === 0 ? [] : [path];
  const below = Object.keys(value).flatMap((key) => pathsOf((value as any)[key], [...path, key]));
  return path.length === 0 ? below : [path, ...below];
}

function withAt(value: any, [key, ...rest]: string[], junk: unknown): unknown {
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[key!] = rest.length === 0 ? junk : withAt(value[key!], rest, junk);
  return copy;
}

test("what comes asynchronously gives a promise of the same", async () => {
  const records = [agent({ runStatus: "expired", createdAt: T })];
  async function* later() {
    yield* records;
  }
  const found = findings(records, { nowMs: 0 });
  assert.equal(found.length > 0, true);
  assert.deepEqual(await findings(later(), { nowMs: 0 }), found);
});
