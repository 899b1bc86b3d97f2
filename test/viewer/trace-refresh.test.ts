import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRow } from "../../src/store/trace-store.ts";
import { paced } from "../../src/viewer/app/trace/paced.ts";
import { spanPages } from "../../src/viewer/app/trace/span-pages.ts";

const SIZE = 2;

/** A server with these spans in pages of two; the cursor is how many came before. */
function server(ids: string[], open: Set<string>) {
  const asked: string[] = [];
  const pages = spanPages(async (after) => {
    asked.push(after);
    const from = Number(after);
    const items = ids.slice(from, from + SIZE).map((spanId) => ({ spanId, unfinished: open.has(spanId) })) as SpanRow[];
    return { items, ...(from + SIZE < ids.length && { next: String(from + SIZE) }) };
  });
  const read = async (how: "all" | "again") => {
    asked.length = 0;
    const got: string[] = [];
    for await (const items of pages[how](ids.length > SIZE ? String(SIZE) : undefined))
      got.push(...items.map(({ spanId }) => spanId));
    return { asked: asked.join(" "), got: got.join("") };
  };
  return { ids, open, read };
}

test("again: pages with spans that run, and from the last one on", async () => {
  const { ids, open, read } = server([..."abcdefgh"], new Set("d"));
  assert.deepEqual(await read("all"), { asked: "2 4 6", got: "cdefgh" });
  assert.deepEqual(await read("again"), { asked: "2 6", got: "cdgh" });
  open.clear();
  ids.push("i", "j", "k");
  assert.deepEqual(await read("again"), { asked: "2 6 8 10", got: "cdghijk" });
  // It has ended, and what was the last page is none any more.
  assert.deepEqual(await read("again"), { asked: "10", got: "k" });
  assert.deepEqual(await read("all"), { asked: "2 4 6 8 10", got: "cdefghijk" });
});

test("again: a trace that grows beyond its first page", async () => {
  const { ids, read } = server(["a"], new Set());
  assert.deepEqual(await read("all"), { asked: "", got: "" });
  assert.deepEqual(await read("again"), { asked: "", got: "" });
  ids.push("b", "c");
  assert.deepEqual(await read("again"), { asked: "2", got: "c" });
});

test("again: a page that fails is read the next time", async () => {
  let fails = false;
  const asked: string[] = [];
  const pages = spanPages(async (after) => {
    asked.push(after);
    if (fails) throw new Error("gone");
    return { items: [], ...(after === "1" && { next: "2" }) };
  });
  const drained = async (how: "all" | "again") => {
    for await (const _ of pages[how]("1"));
  };
  await drained("all");
  fails = true;
  await assert.rejects(drained("again"), /gone/);
  fails = false;
  asked.length = 0;
  await drained("again");
  assert.deepEqual(asked, ["2"]);
});

test("paced: one round for many calls, none while one is under way, and one for those that came meanwhile", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const ends: (() => void)[] = [];
  const { ask, stop } = paced(() => new Promise((end) => ends.push(end)), 1_500);
  const settled = async () => {
    for (let i = 0; i < 5; i++) await Promise.resolve();
  };
  for (let i = 0; i < 10; i++) ask();
  t.mock.timers.tick(1_499);
  assert.equal(ends.length, 0);
  t.mock.timers.tick(1);
  assert.equal(ends.length, 1);
  ask();
  t.mock.timers.tick(10_000);
  assert.equal(ends.length, 1);
  ends[0]!();
  await settled();
  t.mock.timers.tick(1_500);
  assert.equal(ends.length, 2);
  ends[1]!();
  await settled();
  t.mock.timers.tick(10_000);
  assert.equal(ends.length, 2);
  ask();
  stop();
  ask();
  t.mock.timers.tick(10_000);
  assert.equal(ends.length, 2);
});
