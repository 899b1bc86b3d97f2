/** An application on Sequelize's `useCLS` does the same with our spans in its namespace as without them. */
import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import clsHooked from "cls-hooked";
import { DataTypes, Sequelize } from "sequelize";
import { configure, flush, memorySink, observe, shutdown, withSpan } from "sightline";
import { clsHookedCarrier } from "sightline/interop/cls-hooked";
import { driver } from "./driver.js";

const namespace = clsHooked.createNamespace("app");
Sequelize.useCLS(namespace);

/** Eight requests at once, each in a context of its own: what they saw, and what the database was asked by whom. */
async function play() {
  const dialectModule = driver(namespace);
  const storage = join(tmpdir(), "never-written.sqlite");
  const sequelize = new Sequelize({ dialect: "sqlite", storage, dialectModule, logging: false });
  const User = sequelize.define("User", { name: DataTypes.STRING });
  const save = observe("Users.save", async (name) => {
    const before = namespace.get("transaction");
    await User.create({ name });
    await withSpan("find", () => User.findAll({ where: { name } }));
    return before !== undefined && before === namespace.get("transaction");
  });
  const inTransaction = (name) =>
    sequelize.transaction(async () => {
      const isOne = await save(name);
      namespace.set("note", name);
      if (name === "user3") throw new Error("no");
      return [isOne, namespace.get("note")];
    });
  const request = observe("request", async (name) => {
    const result = await inTransaction(name).catch((error) => error.message);
    await User.findAll();
    namespace.set("step", `after ${name}`);
    return [result, namespace.get("note"), namespace.get("transaction"), namespace.get("user")];
  });
  const names = Array.from({ length: 8 }, (_, i) => `user${i}`);
  const started = names.map(
    (name) =>
      new Promise((resolve, reject) => {
        namespace.run(() => {
          namespace.set("user", name);
          request(name)
            .then((seen) => [...seen, namespace.get("step")])
            .then(resolve, reject);
        });
      }),
  );
  const seen = await Promise.all(started);
  await sequelize.close();
  const asked = Object.fromEntries(names.map((name) => [name, []]));
  for (const { user, sql } of dialectModule.log) asked[user]?.push(sql);
  return { seen, asked };
}

test("with and without us", async () => {
  configure({ enabled: false });
  const bare = await play();
  const sink = memorySink();
  configure({ sinks: [sink], carrier: clsHookedCarrier(namespace) });
  const traced = await play();
  await flush();
  // Sequelize numbers its transactions by UUIDs, which are in no statement; dates are.
  const steady = (text) => JSON.stringify(text).replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}/g, "date");
  assert.equal(steady(traced), steady(bare));
  assert.deepEqual(traced.seen[0], [[true, "user0"], undefined, undefined, "user0", "after user0"]);
  assert.equal(traced.seen[3][0], "no");
  assert.ok(traced.asked.user0.some((sql) => sql.startsWith("COMMIT")));
  assert.ok(traced.asked.user3.some((sql) => sql.startsWith("ROLLBACK")));
  const traces = sink.traces();
  assert.equal(traces.length, 8);
  for (const trace of traces) {
    trace.expectTree(`
      request
      └─ Users.save
         └─ find
    `);
  }
  await shutdown();
});
