/** Two shards of two replicas, real servers: the contract, and the same answers as memory's. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { clickHouseStore } from "../../../src/store/clickhouse/index.ts";
import { memoryStore } from "../../../src/store/memory-store.ts";
import type { TraceStore } from "../../../src/store/trace-store.ts";
import { compareStores, storeContract } from "../../store/contract.ts";
import { CLUSTER, type Lab, twoByTwo } from "./lab.ts";

let lab: Lab;
let databases = 0;

before(async () => {
  lab = await twoByTwo();
});
after(() => lab.close());

function open(): TraceStore {
  const url = lab.servers.map((server) => server.url);
  return clickHouseStore({ url, cluster: CLUSTER, database: `c${databases++}` });
}

storeContract("clickhouse, 2 shards by 2 replicas", open);

test("a cluster answers as memory does", async (t) => {
  const store = open();
  t.after(() => store.close());
  const counts = await compareStores(memoryStore(), store, 7, { spans: 1_000, times: 0.2 });
  t.diagnostic(`figure: ${JSON.stringify(counts)}`);
  assert.ok(Object.values(counts).every((count) => count > 0));
});
