import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { configure, filter, flush, memorySink, observe, sample, score, shutdown, stats, withSpan } from "sightline";
import { isSampledAt, samplingThreshold } from "../../src/core/sampling.ts";
import type { Sink } from "../../src/sinks/sink.ts";
import { wrapSink } from "../../src/sinks/wrap-sink.ts";
import { assertBooks } from "../support/books.ts";
import { hashedIds } from "./hashed-ids.ts";

afterEach(() => shutdown());

async function run(sinks: readonly Sink[], fn: () => unknown): Promise<void> {
  configure({ sinks, ids: hashedIds() });
  await fn();
  await flush();
  assertBooks(stats());
}

function lane(name = "memory") {
  return stats().sinks[name]!;
}

test("filter: what is not wanted is counted as sampledOut", async () => {
  const sink = memorySink();
  const wanted = filter(sink, (record) => record.name.startsWith("wanted"));
  await run([wanted], () => {
    for (const name of ["wanted", "other", "wanted too"]) withSpan(name, () => {});
    score({ name: "wanted score", value: 1, sessionId: "s" });
  });
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["wanted", "wanted too", "wanted score"],
  );
  const { emitted, written, sampledOut, dropped } = lane();
  assert.deepEqual({ emitted, written, sampledOut, dropped }, { emitted: 4, written: 3, sampledOut: 1, dropped: {} });
});

test("P1 P22 a filter that throws, or answers with a promise, drops the record and counts it; the host notices nothing", async () => {
  const sink = memorySink();
  const answers: { [name: string]: () => any } = {
    throws: () => {
      throw new Error("a fault of the user's");
    },
    "throws null": () => {
      throw null;
    },
    rejects: () => Promise.reject(new Error("nobody waits for it")),
    "is thenable": () => ({ then: () => {} }),
    changes: () => {
      throw new TypeError("frozen");
    },
    keeps: () => true,
  };
  const failing = filter(sink, (record) => {
    if (record.name === "changes") (record as { name: string }).name = "changed";
    return answers[record.name]!();
  });
  let rejections = 0;
  const count = () => void rejections++;
  process.on("unhandledRejection", count);
  await run([failing], () => {
    for (const name of Object.keys(answers)) withSpan(name, () => {});
  });
  await new Promise((resolve) => setTimeout(resolve, 10));
  process.off("unhandledRejection", count);
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["keeps"],
  );
  assert.deepEqual(lane().dropped, { policy_failed: 5 });
  assert.equal(rejections, 0);
});

test("a filter's answer is a condition: any true value keeps", async () => {
  const sink = memorySink();
  const answers: any[] = [1, "x", {}, 0, "", null, undefined, Number.NaN];
  const loose = filter(sink, (record) => answers[Number(record.name)]);
  await run([loose], () => {
    for (const index of answers.keys()) withSpan(String(index), () => {});
  });
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["0", "1", "2"],
  );
});

test("P18 what a filter does is not traced", async () => {
  const sink = memorySink();
  const helper = observe("helper", () => true);
  const traced = filter(sink, () => helper());
  await run([traced], () => withSpan("work", () => {}));
  assert.equal(lane().emitted, 1);
});

test("P2 what is no sink, no function or no rate throws a ConfigError where it is written", () => {
  const sink = memorySink();
  const bad: [() => unknown, RegExp][] = [
    [() => filter(undefined as any, () => true), /filter\(\) takes a sink first/],
    [() => filter({ name: "x" } as any, () => true), /filter\(\) takes a sink first/],
    [() => filter(sink, undefined as any), /keep must be a function that answers at once, not undefined/],
    [() => filter(sink, null as any), /not null/],
    [() => filter(sink, (async () => true) as any), /not an async one/],
    [() => filter(sink, function* () {} as any), /not a generator/],
    [() => sample(undefined as any, 1), /sample\(\) takes a sink first/],
    ...[-0.1, 1.1, Number.NaN, "0.5", undefined].map((rate): [() => unknown, RegExp] => [
      () => sample(sink, rate as any),
      new RegExp(`a number from 0 to 1; it got ${rate}`),
    ]),
  ];
  for (const [make, message] of bad) assert.throws(make, { name: "ConfigError", code: "CONFIG_BAD_VALUE", message });
});

test("sample: whole traces with their scores, by the rule of sampleRate; scores of sessions all come", async () => {
  const sink = memorySink();
  const seen = memorySink();
  await run([{ ...seen, name: "all" }, sample(sink, 0.3)], () => {
    for (let n = 0; n < 300; n++) {
      withSpan("root", () => withSpan("child", () => score({ name: "quality", value: 1 })));
      score({ name: "of a session", value: 1, sessionId: "s" });
    }
  });
  const threshold = samplingThreshold(0.3);
  const wanted = seen.records.filter(({ traceId }) => traceId === undefined || isSampledAt(traceId, threshold));
  assert.deepEqual(sink.records, wanted);
  assert.equal(sink.records.filter(({ name }) => name === "of a session").length, 300);
  assert.equal(lane().sampledOut, 1_200 - wanted.length);
  assert.ok(lane().sampledOut > 450 && lane().sampledOut < 780, `${lane().sampledOut}`);
});

test("sample within sampleRate keeps its own share of all traces, not a share of the share", async () => {
  const sink = memorySink();
  configure({ sinks: [sample(sink, 0.25)], sampleRate: 0.5, ids: hashedIds() });
  for (let n = 0; n < 1_000; n++) withSpan("root", () => {});
  await flush();
  assert.ok(sink.records.length > 190 && sink.records.length < 310, `${sink.records.length} of 1,000`);
  assertBooks(stats());
});

test("policies compose from the outside in, and keep what the sink had", async () => {
  const sink = memorySink();
  const order: string[] = [];
  const prepared = wrapSink(sink, {
    policy: {
      unsampled: true,
      prepare: (record) => {
        order.push(`inner ${record.name}`);
        return { ...record, name: record.name.toUpperCase() };
      },
    },
  });
  const outer = sample(
    filter(prepared, (record) => {
      order.push(`outer ${record.name}`);
      return record.name === "wanted";
    }),
    1,
  );
  assert.equal(outer.policy?.unsampled, true);
  await run([outer], () => {
    for (const name of ["wanted", "other"]) withSpan(name, () => {});
  });
  assert.deepEqual(order, ["outer wanted", "inner wanted", "outer other"]);
  assert.deepEqual(
    sink.records.map(({ name }) => name),
    ["WANTED"],
  );
});

test("P22 two sinks with different policies: neither changes what the other gets", async () => {
  const [errors, few, all] = [memorySink(), memorySink(), memorySink()];
  const onlyErrors = filter({ ...errors, name: "errors" }, (r) => r.record === "span" && r.status.code === "error");
  await run([onlyErrors, sample({ ...few, name: "few" }, 0), { ...all, name: "all" }], () => {
    for (let n = 0; n < 100; n++) {
      try {
        withSpan("root", () => {
          if (n % 10 === 0) throw new Error("no");
        });
      } catch {}
    }
  });
  assert.deepEqual([errors.records.length, few.records.length, all.records.length], [10, 0, 100]);
  assert.deepEqual([lane("errors").sampledOut, lane("few").sampledOut, lane("all").sampledOut], [90, 100, 0]);
});
