import assert from "node:assert/strict";
import { test } from "node:test";
import { isSpanId, isTraceId } from "../../src/core/ids.ts";
import { sequentialIds } from "../../src/testing/sequential-ids.ts";

test("ids count from one, traces and spans apart", () => {
  const ids = sequentialIds();
  assert.equal(ids.traceId(0), "00000000000000000000000000000001");
  assert.equal(ids.spanId(), "0000000000000001");
  assert.equal(ids.spanId(), "0000000000000002");
  assert.equal(ids.traceId(0), "00000000000000000000000000000002");
  assert.equal(sequentialIds().spanId(), "0000000000000001");
});

test("every id is valid and they sort in order", () => {
  const ids = sequentialIds();
  const traces = Array.from({ length: 300 }, () => ids.traceId(0));
  const spans = Array.from({ length: 300 }, () => ids.spanId());
  assert.ok(traces.every(isTraceId));
  assert.ok(spans.every(isSpanId));
  assert.deepEqual([...traces].sort(), traces);
  assert.deepEqual([...spans].sort(), spans);
  assert.equal(spans[255], "0000000000000100");
});
