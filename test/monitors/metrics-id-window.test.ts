import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { idWindow } from "../../src/monitors/id-window.ts";

const hex = (bytes: number) => randomBytes(bytes).toString("hex");

test("of each span one record counts, as long as it is among the last so many", () => {
  const ids = idWindow(1_000);
  const spans = Array.from({ length: 3_000 }, () => [hex(16), hex(8)] as const);
  const known: string[] = [];
  for (const [traceId, spanId] of spans) {
    assert.equal(ids.add(traceId, spanId), true);
    assert.equal(ids.add(traceId, spanId), false);
    known.push(`${traceId}${spanId}`);
    // The table as it is to be: what goes out leaves nothing behind that another one is not found by.
    if (known.length > 1_000) known.shift();
    assert.equal(ids.size, known.length);
  }
  for (const [traceId, spanId] of spans.slice(-1_000)) assert.equal(ids.add(traceId, spanId), false);
  const [first] = spans;
  assert.equal(ids.add(...first!), true);
});

test("a window agrees with a set of strings, whatever comes twice and when", () => {
  const ids = idWindow(97);
  let order: string[] = [];
  for (let i = 0; i < 20_000; i++) {
    const [traceId, spanId] = [`t${Math.floor(Math.random() * 15)}`, `s${Math.floor(Math.random() * 15)}`];
    const id = `${traceId} ${spanId}`;
    const isNew = !order.includes(id);
    if (isNew) order = [...order, id].slice(-97);
    assert.equal(ids.add(traceId, spanId), isNew, `${i}: ${id}`);
  }
});

test("spans of one trace, traces of one span id and ids of any form are told apart", () => {
  const ids = idWindow(200_000);
  const traceId = hex(16);
  let counted = 0;
  for (let i = 0; i < 50_000; i++) {
    counted += Number(ids.add(traceId, i.toString(16).padStart(16, "0")));
    counted += Number(ids.add(i.toString(16).padStart(32, "0"), "00f067aa0ba902b7"));
  }
  assert.equal(counted, 100_000);
  for (const [a, b] of [
    ["", ""],
    ["a", ""],
    ["", "a"],
    ["ab", "c"],
    ["a", "bc"],
    ["é", "🙂"],
  ] as const) {
    assert.equal(ids.add(a, b), true, `${a} ${b}`);
  }
});

test("100,000 ids take 2.9 MB, however many have come, and few take little", () => {
  const ids = idWindow();
  assert.ok(ids.bytes < 64 * 1024);
  for (let i = 0; i < 150_000; i++) ids.add("0193489c5a7e7c3e9f2e4d7a1b2c3d4e", String(i));
  assert.equal(ids.size, 100_000);
  assert.ok(ids.bytes < 2.95e6, String(ids.bytes));
});
