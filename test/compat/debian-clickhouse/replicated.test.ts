/** Tables that copy themselves: our DDL `ON CLUSTER` on servers that can, two shards by two replicas. */
import assert from "node:assert/strict";
import { after, before, type TestContext, test } from "node:test";
import { asStoreError } from "../../../src/store/clickhouse/errors.ts";
import { foundation, migrations, TABLES } from "../../../src/store/clickhouse/schema.ts";
import { deletion, OF_TRACES } from "../../../src/store/clickhouse/upkeep.ts";
import { StoreError } from "../../../src/store/store-error.ts";
import { until } from "../../collector/support.ts";
import { ask } from "../chdb/lab.ts";
import { CLUSTER, type Lab, type Node, twoByTwo, whyNot } from "./lab.ts";
import { reduced } from "./reduced.ts";

const SCHEMA = { database: "db", cluster: CLUSTER, replicated: true };
/** Without what 18.16 cannot do: change indexes and how parts are chosen, and `Distributed` tables `ON CLUSTER` (ClickHouse#3268). */
const STATEMENTS = [...foundation(SCHEMA), ...migrations(SCHEMA).flatMap(({ statements }) => statements)].filter(
  (statement) => !/^ALTER (?:.* (?:INDEX|SETTING) |TABLE db\.(?:payloads|trace_rows) )/.test(statement),
);
/** What our inserts say, by the names that 18.16 knows. */
const SETTINGS = "insert_distributed_sync=1&select_sequential_consistency=1";
/** How long a quorum is waited for, instead of 10 min; where it cannot come, less. */
const [QUORUM_MS, NO_QUORUM_MS] = [60_000, 2_000];
const SPANS_A_TRACE = 5;

const skip = whyNot();
let lab: Lab;
before(async () => {
  if (skip === false) lab = await twoByTwo();
});
after(() => lab?.close());

const entry = (): Node => lab.nodes[0]!;
const victim = (): Node => lab.nodes[1]!;

test("the DDL of one node is everybody's, and may run again", { skip }, async (t: TestContext) => {
  for (const statement of STATEMENTS) await ask(entry(), reduced(statement));
  const again = STATEMENTS.filter((statement) => !statement.includes("ADD COLUMN"));
  for (const statement of again) await ask(victim(), reduced(statement));
  const changed = STATEMENTS.filter((statement) => reduced(statement) !== statement);
  const tables = changed.map((statement) => /db\.(\w+)_local ON CLUSTER/.exec(statement)?.[1]);
  assert.deepEqual([...new Set(tables)], ["span_rows", "payloads", "trace_rows", "scores", "findings"]);
  for (const statement of STATEMENTS) assert.equal(engineOf(reduced(statement)), engineOf(statement));
  const wanted = ["migrations", ...TABLES, ...TABLES.map((table) => `${table}_local`), "spans", "traces"].sort();
  for (const node of lab.nodes) {
    assert.equal(
      await ask(node, "SELECT name FROM system.tables WHERE database = 'db' ORDER BY name"),
      wanted.join("\n"),
    );
  }
  // Each shard has its copies, and the migrations are of all.
  const copies =
    "SELECT total_replicas, active_replicas, count() FROM system.replicas GROUP BY total_replicas, active_replicas ORDER BY total_replicas";
  for (const node of lab.nodes) assert.equal(await ask(node, copies), `2\t2\t${TABLES.length}\n4\t4\t1`);
  t.diagnostic(`figure: ${STATEMENTS.length - changed.length} of ${STATEMENTS.length} statements as they are shipped`);
});

test("the version that one node notes is known to all", { skip }, async () => {
  await ask(entry(), "INSERT INTO db.migrations (version) VALUES (1)");
  for (const node of lab.nodes) {
    await until(async () => (await ask(node, "SELECT max(version) FROM db.migrations")) === "1");
  }
});

test("rows go to both replicas of their shard; again and newer ones count once", { skip }, async () => {
  await place(entry(), 0, 50);
  // The same again by way of another node, and the newer record of each.
  await place(lab.nodes[3]!, 0, 50);
  await place(lab.nodes[2]!, 0, 50, 3);
  await eachHolds(50);
});

// 18.16 touches no part that was the last to come with a quorum, so something must come after what is deleted.
test("deletions ON CLUSTER, as prune makes them, are carried out on every replica", { skip }, async () => {
  await place(entry(), 1_000, 1_040);
  await place(entry(), 0, 50, 4);
  const ids = Array.from({ length: 40 }, (_, i) => `'${traceId(1_000 + i)}'`).join(", ");
  const where = OF_TRACES.replace("{project:String}", "'p'").replace("{ids:Array(String)}", `(${ids})`);
  for (const table of ["payloads", "span_rows", "trace_rows"] as const) {
    await ask(entry(), reduced(deletion(SCHEMA, table, where)));
  }
  const left = `SELECT count() FROM db.span_rows_local WHERE trace_id >= '${traceId(1_000)}'`;
  for (const node of lab.nodes) await until(async () => (await ask(node, left)) === "0");
  await eachHolds(50);
});

test("with a dead replica nothing is placed that lacks its copy; the same again is, when it is back", {
  skip,
}, async () => {
  await victim().kill();
  await assert.rejects(place(entry(), 50, 90, 1, { timeoutMs: NO_QUORUM_MS }), isForNow);
  for (const node of lab.nodes.filter((node) => node !== victim())) {
    assert.equal(await ask(node, "SELECT uniqExact(trace_id) >= 50 FROM db.spans"), "1");
  }
  await victim().start();
  // As a lane does, while the copy is still on its way.
  await until(() =>
    place(entry(), 50, 90).then(
      () => true,
      (error) => !isForNow(error),
    ),
  );
  await eachHolds(90);
});

test("what was written while a replica was dead, without a quorum, is copied to it when it is back", {
  skip,
}, async () => {
  await victim().kill();
  await place(entry(), 90, 130, 1, { quorum: 0 });
  await victim().start();
  await eachHolds(130);
});

/** What the store answers 429 for. */
function isForNow(thrown: unknown): boolean {
  const error = asStoreError(thrown, "lab");
  assert.ok(error instanceof StoreError, String(thrown));
  assert.deepEqual([error.code, error.retryAfterMs !== undefined], ["STORE_UNAVAILABLE", true], error.message);
  return true;
}

function engineOf(statement: string): string | undefined {
  return statement.split("\nENGINE = ")[1]?.split("\nSETTINGS")[0];
}

function traceId(n: number): string {
  return n.toString(16).padStart(32, "0");
}

/** By the settings of our inserts. */
function withQuorum({ url }: Node, quorum: number, timeoutMs: number): { url: string } {
  return { url: `${url}/?${SETTINGS}&insert_quorum=${quorum}&insert_quorum_timeout=${timeoutMs}` };
}

/** Through the `Distributed` table. */
async function place(
  node: Node,
  from: number,
  to: number,
  version = 1,
  { quorum = 2, timeoutMs = QUORUM_MS } = {},
): Promise<void> {
  const rows = Array.from({ length: (to - from) * SPANS_A_TRACE }, (_, i) => {
    const [trace, span] = [from + Math.floor(i / SPANS_A_TRACE), i % SPANS_A_TRACE];
    return `('p', '${traceId(trace)}', '${span}', ${version}, 0, 20000, 'span ${version}')`;
  });
  const columns = "project, trace_id, span_id, version, is_moved, day, name";
  await ask(withQuorum(node, quorum, timeoutMs), `INSERT INTO db.span_rows (${columns}) VALUES ${rows.join(", ")}`);
}

/** Every replica has all of its shard, the same as its twin, and every node answers for all. */
async function eachHolds(traces: number): Promise<void> {
  const own =
    "SELECT count(), uniqExact(trace_id, span_id), groupBitXor(cityHash64(trace_id, span_id, version, name)) FROM db.span_rows_local FINAL";
  await until(async () => {
    const [a, b, c, d] = await Promise.all(lab.nodes.map((node) => ask(node, own)));
    const spans = [a!, c!].map((answer) => answer.split("\t").slice(0, 2).map(Number));
    return (
      a === b &&
      c === d &&
      spans.every(([rows, unique]) => rows === unique && rows! > 0) &&
      spans[0]![0]! + spans[1]![0]! === traces * SPANS_A_TRACE
    );
  });
  for (const node of lab.nodes) {
    assert.equal(
      await ask(node, "SELECT count(), uniqExact(trace_id) FROM db.spans"),
      `${traces * SPANS_A_TRACE}\t${traces}`,
    );
  }
}
