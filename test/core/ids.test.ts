import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { validate, version } from "uuid";
import { checkedIds, derivedSpanId, isSpanId, isTraceId, systemIds, uuid } from "../../src/core/ids.ts";

const IDS = new URL("../../src/core/ids.ts", import.meta.url).href;
const MANY = 20_000;

const dashed = (id: string): string =>
  [id.slice(0, 8), id.slice(8, 12), id.slice(12, 16), id.slice(16, 20), id.slice(20)].join("-");

test("a trace id is a UUIDv7 without dashes that carries the time", () => {
  const now = Date.UTC(2026, 10, 21, 12, 0, 0, 7);
  for (let i = 0; i < MANY; i++) {
    const id = systemIds.traceId(now + i);
    assert.ok(isTraceId(id));
    assert.equal(Number.parseInt(id.slice(0, 12), 16), now + i);
    assert.equal(version(dashed(id)), 7);
    assert.ok(validate(dashed(id)));
  }
});

test("trace ids sort by time", () => {
  const ids = Array.from({ length: 100 }, (_, i) => systemIds.traceId(1_700_000_000_000 + i * 977));
  assert.deepEqual([...ids].sort(), ids);
});

test("a clock that says something odd still gives a valid trace id", () => {
  const prefixes: [number, string][] = [
    [0, "000000000000"],
    [1.9, "000000000001"],
    [-5, "000000000000"],
    [Number.NaN, "000000000000"],
    [Number.NEGATIVE_INFINITY, "000000000000"],
    [Number.POSITIVE_INFINITY, "ffffffffffff"],
    [2 ** 60, "ffffffffffff"],
  ];
  for (const [ms, prefix] of prefixes) {
    for (let twice = 0; twice < 2; twice++) {
      const id = systemIds.traceId(ms);
      assert.ok(isTraceId(id), id);
      assert.equal(id.slice(0, 12), prefix);
    }
  }
});

test("ids do not repeat, across many refills of the pool", () => {
  assert.equal(new Set(Array.from({ length: MANY }, () => systemIds.spanId())).size, MANY);
  assert.equal(new Set(Array.from({ length: MANY }, () => systemIds.traceId(1))).size, MANY);
});

test("span ids are valid and every digit but those that are fixed takes every value", () => {
  const seen = { span: new Set<string>(), trace: new Set<string>() };
  for (let i = 0; i < MANY; i++) {
    const span = systemIds.spanId();
    assert.ok(isSpanId(span), span);
    for (let at = 0; at < 16; at++) seen.span.add(`${at}${span[at]}`);
    const trace = systemIds.traceId(0);
    for (let at = 12; at < 32; at++) seen.trace.add(`${at}${trace[at]}`);
  }
  assert.equal(seen.span.size, 16 * 16);
  // Version: one value. Variant: four.
  assert.equal(seen.trace.size, 18 * 16 + 1 + 4);
});

test("the last 56 bits of a trace id are uniform, as samplers need them", () => {
  let sum = 0;
  for (let i = 0; i < MANY; i++) sum += Number.parseInt(systemIds.traceId(1_700_000_000_000).slice(-14), 16) / 2 ** 56;
  // The mean of 20,000 uniform numbers is within 0.5 ± 0.02 but for ten standard deviations.
  assert.ok(Math.abs(sum / MANY - 0.5) < 0.02, String(sum / MANY));
});

test("validators take exactly the W3C form", () => {
  const hex = "0123456789abcdef";
  const zeros = "0".repeat(16);
  for (const [is, good] of [
    [isSpanId, hex],
    [isTraceId, hex + hex],
  ] as const) {
    const zero = "0".repeat(good.length);
    assert.ok(is(good));
    assert.ok(is(`${zero.slice(1)}1`));
    const bad = [zero, good.slice(1), `${good}0`, good.toUpperCase(), `${good.slice(1)}g`, `${good}\n`, "", undefined];
    for (const value of [...bad, null, 1, [good], { toString: () => good }]) assert.equal(is(value), false);
  }
  assert.equal(isTraceId(hex + zeros), true);
  assert.equal(isSpanId(hex + zeros), false);
});

test("a derived span id is the same for the same parts and tells their borders apart", () => {
  assert.equal(derivedSpanId("run_1", "step_1"), derivedSpanId("run_1", "step_1"));
  const ids = [["ab", "c"], ["a", "bc"], ["abc"], ["abc", ""], [], ["a\0b"], ["a", "b"], ["\ud800"]].map((parts) =>
    derivedSpanId(...parts),
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.ok(isSpanId(id));
  // First 16 digits of sha256('["run_1","step_1"]'), so that ids stay the same from release to release.
  assert.equal(derivedSpanId("run_1", "step_1"), "4d2eb3253d5d5313");
});

test("uuid() is a UUIDv7 with dashes", () => {
  const ids = Array.from({ length: 100 }, uuid);
  for (const id of ids) assert.equal(version(id), 7);
  assert.equal(new Set(ids).size, 100);
});

type IdsModule = typeof import("../../src/core/ids.ts");

/** A second copy of the module, with what it asks `process.getBuiltinModule` for. */
async function freshCopy(
  t: TestContext,
  answer: (id: string, real: (id: string) => unknown) => unknown = (id, real) => real(id),
): Promise<{ ids: IdsModule; asked: string[] }> {
  const asked: string[] = [];
  const real = process.getBuiltinModule as (id: string) => unknown;
  const replacement = ((id: string) => {
    asked.push(id);
    return answer(id, real);
  }) as typeof process.getBuiltinModule;
  t.mock.method(process, "getBuiltinModule", replacement);
  const ids = (await import(`${IDS}?copy=${copies++}`)) as IdsModule;
  return { ids, asked };
}
let copies = 0;

test("importing loads nothing; each builtin is asked for on first use", async (t) => {
  const { ids, asked } = await freshCopy(t);
  assert.notEqual(ids.systemIds, systemIds);
  assert.ok(ids.isSpanId("00000000000000aa"));
  assert.deepEqual(asked, []);
  for (let i = 0; i < 10; i++) ids.systemIds.spanId();
  assert.deepEqual(asked, ["node:crypto"]);
  for (let i = 0; i < 10; i++) ids.uuid();
  assert.deepEqual(asked, ["node:crypto", "node:module"]);
});

test("uuid() still works in a bundle that left the package behind", async (t) => {
  const { ids } = await freshCopy(t, (id, real) => {
    if (id === "node:crypto") return real(id);
    return { createRequire: () => () => assert.fail("Cannot find module 'uuid'") };
  });
  const id = ids.uuid();
  assert.ok(validate(id), id);
  assert.equal(version(id), 7);
  assert.notEqual(ids.uuid(), id);
});

test("random bytes that are all zero make no all-zero id", async (t) => {
  const { ids } = await freshCopy(t, () => ({ randomFillSync: (bytes: Uint8Array) => bytes.fill(0) }));
  assert.equal(ids.systemIds.spanId(), "0000000000000001");
  assert.equal(ids.systemIds.traceId(0), "00000000000070008000000000000000");
});

test("worker threads and child processes have pools of their own", async () => {
  // tsx's loader does not follow into worker threads on Node 20.
  const load = `require("tsx/cjs/api").require(${JSON.stringify(fileURLToPath(IDS))}, "/")`;
  const worker = new Worker(`require("node:worker_threads").parentPort.postMessage(${load}.systemIds.spanId())`, {
    eval: true,
  });
  const [fromWorker] = await once(worker, "message");
  const { stdout } = spawnSync(process.execPath, ["-p", `${load}.systemIds.spanId()`], { encoding: "utf8" });
  const ids = [systemIds.spanId(), fromWorker as string, stdout.trim()];
  for (const id of ids) assert.ok(isSpanId(id), id);
  assert.equal(new Set(ids).size, 3);
});

test("the first uuid() prints no warning", () => {
  const code = `import(${JSON.stringify(IDS)}).then(({ uuid }) => console.log(uuid()))`;
  const { stdout, stderr } = spawnSync(process.execPath, ["--import", "tsx", "-e", code], { encoding: "utf8" });
  assert.ok(validate(stdout.trim()), stdout);
  assert.equal(stderr, "");
});

test("ids of the user's that throw or are none are replaced by the system's, good ones are kept", () => {
  const given: unknown[] = ["a".repeat(32), "b".repeat(16), undefined, 5, "A".repeat(32), "0".repeat(16)];
  const next = (): never => {
    if (given.length === 0) throw new Error("of the host's");
    return given.shift() as never;
  };
  const ids = checkedIds({ traceId: next, spanId: next });
  assert.equal(ids.traceId(0), "a".repeat(32));
  assert.equal(ids.spanId(), "b".repeat(16));
  for (let i = 0; i < 4; i++) {
    assert.ok(isTraceId(ids.traceId(0)));
    assert.ok(isSpanId(ids.spanId()));
  }
});
