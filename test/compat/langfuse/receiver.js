/** Our collector, out of the package, over each of its stores; a sender's program runs once, every store is asked. */

import { collector } from "sightline/collector";
import { memoryStore, sqliteStore } from "sightline/store";

export const keys = { publicKey: "pk-lf-shop", secretKey: "sk-lf-0123456789abcdef" };

export const stores = {
  memory: () => memoryStore(),
  sqlite: () => sqliteStore({ path: ":temporary:" }),
};

/** @param make one of `stores` */
export async function receiver(make) {
  const store = make();
  const said = [];
  const server = await collector({
    store,
    port: 0,
    projects: { shop: keys.secretKey },
    log: (line) => said.push(line),
  });
  const project = { project: "shop" };
  return {
    url: server.url,
    said,
    traces: async (query) => (await store.traces({ ...query, ...project })).items,
    trace: (traceId) => store.trace(traceId, project),
    /** Rows by their names, each with its whole record, the name of its parent, and its children in order. */
    async tree(traceId) {
      const { items, next } = await store.spans(traceId, project);
      if (next !== undefined) throw new Error("more than a page");
      const spans = await Promise.all(
        items.map(async (row) => ({ row, record: await store.span(traceId, row.spanId, project) })),
      );
      const nameOf = new Map(items.map(({ spanId, name }) => [spanId, name]));
      return Object.fromEntries(
        spans.map(({ row, record }) => [row.name, { row, record, parent: nameOf.get(row.parentSpanId) }]),
      );
    },
    aggregate: (query) => store.aggregate({ ...query, ...project }),
    sessions: async () => (await store.sessions(project)).items,
    values: (field) => store.values({ field, ...project }),
    stats: () => store.stats(project),
    metrics: async () => {
      const lines = (await (await fetch(`${server.url}/metrics`)).text()).split("\n");
      return (start) =>
        Number(
          lines
            .find((line) => line.startsWith(start))
            ?.split(" ")
            .at(-1),
        );
    },
    async close() {
      await server.close();
      await store.close();
    },
  };
}
