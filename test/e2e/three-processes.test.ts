/**
 * Express → a worker thread of it → Fastify → a queue → a consumer → a child process of that: one trace, in every form that
 * leaves the processes. They know of each other only what they send each other.
 */
import assert from "node:assert/strict";
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { readRecords, type SpanRecord } from "sightline";
import { type FakeLangfuse, fakeLangfuse } from "../support/fake-langfuse/server.ts";
import { type OtlpServer, otlpServer } from "../support/otlp-server.ts";
import { bundlePrograms, type Programs } from "../support/programs.ts";
import type { Places } from "./children/sinks.ts";

const CALLER = {
  traceId: "0af7651916cd43dd8448eb211c80319c",
  spanId: "b7ad6b7169203331",
  tracestate: "vendor=x,other=y",
};

/** What every form must say, whatever it calls it. */
interface Shown {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly userId: unknown;
  readonly sessionId: unknown;
}

const PATHS = [
  "POST /orders/:id",
  "POST /orders/:id > price",
  "POST /orders/:id > price > rate",
  "POST /orders/:id > price > rate > POST 127.0.0.1",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > enqueue pack",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > enqueue pack > process pack",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > enqueue pack > process pack",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > enqueue pack > process pack > label",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > enqueue pack > process pack > label > print label",
  "POST /orders/:id > price > rate > POST 127.0.0.1 > POST /stock/:id > reserve",
];

const CHILDREN = ["express", "fastify", "label", "queue", "worker"].map((name) => `test/e2e/children/${name}.ts`);

let folder: string;
let programs: Programs;
let collector: OtlpServer;
let langfuse: FakeLangfuse;
const records: SpanRecord[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-e2e-"));
  programs = await bundlePrograms("e2e", CHILDREN);
  collector = await otlpServer();
  langfuse = await fakeLangfuse();
  const { baseUrl, publicKey, secretKey } = langfuse;
  const places: Places = { folder, otlp: collector.url, langfuse: { baseUrl, publicKey, secretKey } };
  await runShop(places);
  for (const name of (await readdir(folder)).filter((each) => each.endsWith(".ndjson"))) {
    for await (const record of readRecords(join(folder, name))) {
      assert.ok(record.record === "span");
      records.push(record);
    }
  }
});

after(async () => {
  await collector?.close();
  await langfuse?.close();
  await programs.remove();
  await rm(folder, { recursive: true });
});

/** Two orders, one with a caller that is traced and one without, each packed at the second attempt. */
async function runShop(places: Places): Promise<void> {
  const children: ChildProcess[] = [];
  const start = async (
    name: string,
    env: Record<string, string> = {},
  ): Promise<{ child: ChildProcess; url: string }> => {
    const program = programs.path(`test/e2e/children/${name}.ts`);
    const child = fork(program, [], { execArgv: [], env: { ...process.env, PLACES: JSON.stringify(places), ...env } });
    children.push(child);
    const [{ port }] = await once(child, "message");
    return { child, url: `http://127.0.0.1:${port}` };
  };
  try {
    const queue = await start("queue");
    const stock = await start("fastify");
    const shop = await start("express", { STOCK: stock.url });
    const done: Promise<unknown>[] = [];
    // The broker: it keeps texts, and delivers again what has failed.
    stock.child.on("message", ({ job }: { job: string }) => {
      done.push(
        new Promise<void>((resolve) => {
          queue.child.on("message", (answer: { job: string; attempt: number; outcome: string }) => {
            if (answer.job !== job) return;
            if (answer.outcome === "failed") queue.child.send({ job, attempt: answer.attempt + 1 });
            else resolve();
          });
          queue.child.send({ job, attempt: 1 });
        }),
      );
    });
    const order = async (id: string, headers: Record<string, string>, body: object): Promise<void> => {
      const answer = await fetch(`${shop.url}/orders/${id}`, {
        method: "POST",
        headers: { "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      });
      assert.deepEqual(await answer.json(), { id, left: 3 });
    };
    const { traceId, spanId, tracestate } = CALLER;
    const traceparent = `00-${traceId}-${spanId}-01`;
    await order("a1", { traceparent, tracestate, baggage: "user.id=ada,session.id=s-9,secret=s3cr3t" }, {});
    await order("b2", {}, { userId: "bob" });
    assert.equal(done.length, 2);
    await Promise.all(done);
  } finally {
    await Promise.all(
      children.map(async (child) => {
        if (child.connected) child.send("stop");
        if (child.exitCode === null) await once(child, "exit");
      }),
    );
  }
}

/** Each trace is one tree, with its user on every span. */
function assertTrees(form: string, shown: readonly Shown[]): void {
  const traceIds = [...new Set(shown.map(({ traceId }) => traceId))];
  assert.equal(traceIds.length, 2, form);
  for (const traceId of traceIds) {
    const spans = new Map(shown.filter((span) => span.traceId === traceId).map((span) => [span.spanId, span]));
    const isCalled = traceId === CALLER.traceId;
    const roots = [...spans.values()].filter(({ parentSpanId }) => !spans.has(parentSpanId ?? ""));
    assert.deepEqual(
      roots.map(({ name, parentSpanId }) => [name, parentSpanId]),
      [["POST /orders/:id", isCalled ? CALLER.spanId : undefined]],
      `${form}: one root, and every other parent is there`,
    );
    const path = ({ name, parentSpanId }: Shown): string => {
      const parent = spans.get(parentSpanId ?? "");
      return parent === undefined ? name : `${path(parent)} > ${name}`;
    };
    assert.deepEqual([...spans.values()].map(path).sort(), PATHS, form);
    for (const { name, userId, sessionId } of spans.values()) {
      assert.equal(userId, isCalled ? "ada" : "bob", `${form}: ${name}`);
      assert.equal(sessionId ?? undefined, isCalled ? "s-9" : undefined, `${form}: ${name}`);
    }
  }
}

test("the file form", () => {
  assertTrees(
    "file",
    records.map(({ trace, ...span }) => ({
      ...span,
      parentSpanId: span.parentSpanId,
      userId: trace.userId,
      sessionId: trace.sessionId,
    })),
  );
  assert.deepEqual(
    [...new Set(records.map(({ trace }) => trace.version))].sort(),
    ["express", "fastify", "label-a1", "label-b2", "queue", "worker-a1", "worker-b2"],
    "every process and thread wrote its own part",
  );
});

test("tracestate is carried to the end, baggage of others is not", () => {
  for (const { traceId, traceState, name } of records) {
    assert.equal(traceState, traceId === CALLER.traceId ? CALLER.tracestate : undefined, name);
  }
  assert.doesNotMatch(JSON.stringify(records), /s3cr3t/);
});

test("kinds, attempts and borders", () => {
  const of = (name: string) => records.filter((record) => record.name === name && record.traceId === CALLER.traceId);
  const kinds = ["POST /orders/:id", "POST 127.0.0.1", "POST /stock/:id", "enqueue pack", "process pack"];
  assert.deepEqual(
    kinds.map((name) => of(name)[0]?.kind),
    ["server", "client", "server", "producer", "consumer"],
  );
  assert.deepEqual(
    of("process pack")
      .map(({ metadata, status, error }) => [metadata?.["attempt"], status.code, error?.message])
      .sort(),
    [
      [1, "error", "no tape"],
      [2, "ok", undefined],
    ],
  );
  const borders = records.filter(({ parentIsRemote, traceId }) => parentIsRemote && traceId === CALLER.traceId);
  assert.deepEqual(borders.map(({ name }) => name).sort(), [
    "POST /orders/:id",
    "POST /stock/:id",
    "print label",
    "process pack",
    "process pack",
    "rate",
  ]);
});

type OtlpSpan = { [name: string]: any };

function shownOtlp(span: OtlpSpan): Shown {
  const attribute = (key: string): unknown =>
    span["attributes"].find((each: OtlpSpan) => each["key"] === key)?.value.stringValue;
  const parentSpanId = hex(span["parentSpanId"]);
  return {
    traceId: hex(span["traceId"]),
    spanId: hex(span["spanId"]),
    parentSpanId: parentSpanId === "" ? undefined : parentSpanId,
    name: span["name"],
    userId: attribute("user.id"),
    sessionId: attribute("session.id"),
  };
}

function hex(id: string | Uint8Array | undefined): string {
  return typeof id === "string" ? id : Buffer.from(id ?? []).toString("hex");
}

test("the OTLP form, over HTTP", () => {
  const spans = collector.spans();
  assert.equal(spans.length, records.length);
  assertTrees("OTLP", spans.map(shownOtlp));
  for (const span of spans) {
    assert.equal(span["traceState"] ?? "", hex(span["traceId"]) === CALLER.traceId ? CALLER.tracestate : "");
  }
});

test("the OTLP form, in files", async () => {
  const spans: OtlpSpan[] = [];
  for (const name of (await readdir(folder)).filter((each) => /\.otlp\.jsonl$/.test(each))) {
    for (const line of (await readFile(join(folder, name), "utf8")).trimEnd().split("\n")) {
      for (const resource of JSON.parse(line).resourceSpans) {
        for (const scope of resource.scopeSpans) spans.push(...scope.spans);
      }
    }
  }
  assert.equal(spans.length, records.length);
  assertTrees("OTLP file", spans.map(shownOtlp));
});

test("the Langfuse form", () => {
  assert.equal(langfuse.observations.length, records.length);
  assert.deepEqual(langfuse.delayed, []);
  assertTrees(
    "Langfuse",
    langfuse.observations.map((observation) => ({
      ...observation,
      spanId: observation.id,
      parentSpanId: observation.parentId,
    })),
  );
  const borders = new Map(
    records.map(({ spanId, parentSpanId, parentIsRemote }) => [spanId, !parentSpanId || parentIsRemote]),
  );
  for (const { id, isAppRoot, name } of langfuse.observations) assert.equal(isAppRoot, borders.get(id) === true, name);
});
