import assert from "node:assert/strict";
import { after, test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import { createNamespace, destroyNamespace } from "cls-hooked";
import { configure, flush, memorySink, observe, shutdown, stats, withSpan } from "sightline";
import { clsHookedCarrier } from "sightline/interop/cls-hooked";

const namespace = createNamespace("sequelize");
after(() => destroyNamespace("sequelize"));

interface Transaction {
  readonly id: number;
  readonly connection: string;
}

interface Query {
  readonly sql: string;
  readonly user: unknown;
  readonly transaction: number | undefined;
  readonly connection: string;
}

/**
 * What Sequelize 6 does with a namespace that `Sequelize.useCLS` was given, step by step (lib/sequelize.js `transaction`,
 * `_clsRun`, `query`; lib/transaction.js `prepareEnvironment`, `_clearCls`), over a pool with fewer connections than
 * requests, so that connections are handed over from one request to another.
 */
class Database {
  readonly log: Query[] = [];
  readonly ended: string[] = [];
  #free = ["c1", "c2"];
  readonly #waiting: ((connection: string) => void)[] = [];
  #transactions = 0;

  async transaction<T>(callback: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#clsRun(async () => {
      const transaction = { id: ++this.#transactions, connection: await this.#acquire() };
      await turn();
      namespace.set("transaction", transaction);
      let result: T;
      try {
        result = await callback(transaction);
      } catch (error) {
        await this.#end(transaction, "rollback");
        throw error;
      }
      await this.#end(transaction, "commit");
      return result;
    });
  }

  async query(sql: string): Promise<string> {
    const transaction: Transaction | null | undefined = namespace.get("transaction");
    const connection = transaction ? transaction.connection : await this.#acquire();
    try {
      await turn();
      this.log.push({ sql, user: namespace.get("user"), transaction: transaction?.id, connection });
      return `rows of ${sql}`;
    } finally {
      if (!transaction) this.#release(connection);
    }
  }

  #clsRun<T>(fn: () => Promise<T>): Promise<T> {
    let result!: Promise<T>;
    namespace.run(() => {
      result = fn();
    });
    return result;
  }

  async #end(transaction: Transaction, how: string): Promise<void> {
    await turn();
    this.ended.push(`${how} ${transaction.id}`);
    if (namespace.get("transaction") === transaction) namespace.set("transaction", null);
    this.#release(transaction.connection);
  }

  #acquire(): Promise<string> {
    const connection = this.#free.pop();
    return connection ? Promise.resolve(connection) : new Promise((resolve) => void this.#waiting.push(resolve));
  }

  #release(connection: string): void {
    const next = this.#waiting.shift();
    if (next) next(connection);
    else this.#free.push(connection);
  }
}

/** A service as people write it, with `@observe` on everything. What each request saw comes back. */
function application(database: Database) {
  const find = observe("Users.find", (name: string) => database.query(`select ${name}`));
  const save = observe("Users.save", async (name: string) => {
    await database.query(`insert ${name}`);
    await Promise.all([database.query(`index ${name}`), find(name)]);
  });
  const rename = observe("Users.rename", (name: string) =>
    database
      .transaction(async () => {
        await save(name);
        namespace.set("note", `saved ${name}`);
        await withSpan("check", () => turn().then(() => database.query(`check ${name}`)));
        if (name.endsWith("3")) throw new Error(`no ${name}`);
        return namespace.get("note") as string;
      })
      .then((note) => [note, namespace.get("note"), namespace.get("transaction")]),
  );
  return (name: string) =>
    new Promise<unknown[]>((resolve, reject) => {
      namespace.run(() => {
        namespace.set("user", name);
        const handle = observe("request", async () => {
          const before = await find(name);
          namespace.set("step", `${name} looked up`);
          const renamed = await rename(name).catch((error: Error) => error.message);
          const after = await find(name);
          return [before, renamed, after, namespace.get("step"), namespace.get("user"), namespace.get("transaction")];
        });
        handle()
          .then((seen) => [...seen, namespace.get("step"), namespace.get("note")])
          .then(resolve, reject);
      });
    });
}

async function play(): Promise<{ seen: unknown[][]; log: Query[]; ended: string[] }> {
  const database = new Database();
  const request = application(database);
  const names = Array.from({ length: 12 }, (_, i) => `user${i}`);
  const seen = await Promise.all(names.map(request));
  return { seen, log: database.log, ended: database.ended };
}

/** Which user's queries ran in which transaction on which connection, whatever the order between users. */
function byUser(log: readonly Query[]): Record<string, { sql: string; isInTransaction: boolean }[]> {
  const users: Record<string, { sql: string; isInTransaction: boolean }[]> = {};
  for (const { sql, user, transaction } of log) {
    users[String(user)] ??= [];
    users[String(user)]!.push({ sql, isInTransaction: transaction !== undefined });
  }
  return users;
}

test("a Sequelize-style application in the carrier's own namespace does what it does without us", async () => {
  configure({ enabled: false });
  const bare = await play();
  const sink = memorySink();
  configure({ sinks: [sink], carrier: clsHookedCarrier(namespace) });
  const before = stats().internalErrors;
  const traced = await play();
  await flush();
  assert.equal(stats().internalErrors, before);

  assert.deepEqual(traced.seen, bare.seen);
  assert.deepEqual(byUser(traced.log), byUser(bare.log));
  assert.equal(Object.keys(byUser(traced.log)).length, 12);
  assert.equal(traced.ended.filter((how) => how.startsWith("rollback")).length, 1);
  assert.equal(traced.ended.length, 12);
  // Everything of one transaction is one user's, on one connection.
  for (let id = 1; id <= 12; id++) {
    const queries = traced.log.filter(({ transaction }) => transaction === id);
    assert.deepEqual([new Set(queries.map(({ user }) => user)).size, queries.length], [1, 4], `transaction ${id}`);
    assert.equal(new Set(queries.map(({ connection }) => connection)).size, 1);
  }
  assert.deepEqual(traced.seen[0], [
    "rows of select user0",
    // What was set in the transaction's context ends with it.
    ["saved user0", undefined, undefined],
    "rows of select user0",
    "user0 looked up",
    "user0",
    undefined,
    "user0 looked up",
    undefined,
  ]);
  assert.equal(namespace.active, null);

  const traces = sink.traces();
  assert.equal(traces.length, 12, "one trace a request");
  for (const trace of traces) {
    const isFailed = trace.find({ name: "Users.rename" })?.record.status.code === "error";
    const mark = isFailed ? " ✗ Error: no user3" : "";
    trace.expectTree(`
      request
      ├─ Users.find
      ├─ Users.rename${mark}
      │  ├─ Users.save
      │  │  └─ Users.find
      │  └─ check
      └─ Users.find
    `);
  }
  await shutdown();
});
