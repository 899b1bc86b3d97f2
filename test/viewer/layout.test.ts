/** Where the viewer draws a trace's spans: trees of any shape, sums, the critical path, axes, flames, the map, search. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRow } from "../../src/store/trace-store.ts";
import { criticalPath } from "../../src/viewer/app/trace/critical-path.ts";
import { flameLayout, whyNoCost } from "../../src/viewer/app/trace/flame.ts";
import { FAILED, minimapCells } from "../../src/viewer/app/trace/minimap.ts";
import { ownErrors } from "../../src/viewer/app/trace/own-errors.ts";
import { rollups } from "../../src/viewer/app/trace/rollups.ts";
import { idleGaps, idleShare, makeScale, panned, ticks, WHOLE, zoomed } from "../../src/viewer/app/trace/scale.ts";
import { nextOf, searcher } from "../../src/viewer/app/trace/search.ts";
import { buildTree, collapsedBelow, positionOf, visibleRows } from "../../src/viewer/app/trace/tree.ts";

/** `a`: from 0 to 10 µs without parent; times in microseconds since the trace's start. */
function span(spanId: string, parentSpanId: string | undefined, from: number, to: number, part: Partial<SpanRow> = {}) {
  const row: SpanRow = {
    traceId: "t",
    spanId,
    seq: 1,
    name: spanId,
    type: "span",
    status: "ok",
    level: "DEFAULT",
    startUs: 1_000_000 + from,
    durationNs: (to - from) * 1_000,
    ...(parentSpanId !== undefined && { parentSpanId }),
    ...part,
  };
  return row;
}

const names = (rows: readonly SpanRow[]) => rows.map(({ spanId }) => spanId).join(" ");

test("A tree has parents before children and siblings by start, however the spans came", () => {
  const tree = buildTree([
    span("b2", "b", 6, 7),
    span("c", "a", 8, 9),
    span("b1", "b", 2, 3),
    span("b", "a", 1, 7),
    span("a", undefined, 0, 10),
  ]);
  assert.equal(names(tree.rows), "a b b1 b2 c");
  assert.deepEqual([...tree.parent], [-1, 0, 1, 1, 0]);
  assert.deepEqual([...tree.depth], [0, 1, 2, 2, 1]);
  assert.deepEqual([...tree.end], [5, 4, 3, 4, 5]);
  assert.equal(tree.durationNs, 10_000);
  assert.deepEqual(tree.orphans, []);
});

test("Spans without their parent, rings and a span that is its own parent are roots, and nothing is lost", () => {
  const tree = buildTree([
    span("x", "nobody", 5, 6),
    span("r1", "r2", 1, 2),
    span("r2", "r1", 2, 3),
    span("below", "r2", 2, 3),
    span("self", "self", 4, 5),
  ]);
  assert.equal(names(tree.rows), "self x r1 r2 below");
  assert.deepEqual(
    tree.orphans.map((i) => tree.rows[i]!.spanId),
    ["self", "x", "r1"],
  );
});

test("A hundred thousand spans below each other are built, summed, searched, laid out and walked", () => {
  const chain = Array.from({ length: 100_000 }, (_, i) =>
    span(`s${i}`, i === 0 ? undefined : `s${i - 1}`, i, 200_000 - i, { costUsd: 0.5 }),
  );
  const tree = buildTree(chain);
  assert.equal(tree.depth[99_999], 99_999);
  const sums = rollups(tree);
  assert.equal(sums.costUsd[0], 50_000);
  assert.equal(sums.selfNs[0], 2_000);
  assert.equal(visibleRows(tree, new Set(["s10"])).length, 11);
  assert.equal(criticalPath(tree).length, 199_999);
  assert.equal(flameLayout(tree, sums, "time").depth, 128);
  assert.deepEqual(searcher(tree)("s99999"), [99_999]);
});

test("Collapsed spans hide what is below; positions are found among what is left", () => {
  const tree = buildTree([
    span("a", undefined, 0, 9),
    span("b", "a", 1, 4),
    span("b1", "b", 2, 3),
    span("c", "a", 5, 6),
  ]);
  const visible = visibleRows(tree, new Set(["b"]));
  assert.deepEqual([...visible], [0, 1, 3]);
  assert.equal(positionOf(visible, 3), 2);
  assert.equal(positionOf(visible, 2), -1);
  assert.deepEqual([...collapsedBelow(tree, 1)], ["b"]);
  assert.deepEqual([...collapsedBelow(tree, 0)], ["a", "b"]);
});

test("Cost, tokens and errors add up; own time leaves out every moment in which a child ran, once", () => {
  const tree = buildTree([
    span("a", undefined, 0, 10, { costUsd: 1 }),
    span("b", "a", 1, 5, { costUsd: 2, inputTokens: 10, outputTokens: 5 }),
    span("c", "a", 3, 7, { status: "error" }),
    span("d", "a", 4, 6),
    span("late", "a", 9, 14),
  ]);
  const sums = rollups(tree);
  assert.deepEqual([sums.costUsd[0], sums.tokens[0], sums.errors[0]], [3, 15, 1]);
  assert.equal(sums.selfNs[0], 3_000, "10 less [1, 7] and [9, 10]");
  assert.equal(sums.hasCost, true);
});

test("The critical path is the chain of last children, without gaps from the start to the end", () => {
  const tree = buildTree([
    span("root", undefined, 0, 100),
    span("fast", "root", 10, 20),
    span("slow", "root", 10, 60),
    span("inner", "slow", 15, 55),
    span("then", "root", 65, 90),
  ]);
  const parts = criticalPath(tree).reverse();
  assert.deepEqual(
    parts.map(({ index, fromNs, toNs }) => `${tree.rows[index]!.spanId} ${fromNs / 1e3}-${toNs / 1e3}`),
    ["root 0-10", "slow 10-15", "inner 15-55", "slow 55-60", "root 60-65", "then 65-90", "root 90-100"],
  );
});

test("A child that outlives its parent counts as far as the parent waits for it", () => {
  const tree = buildTree([span("root", undefined, 0, 10), span("background", "root", 5, 50)]);
  const parts = criticalPath(tree).reverse();
  assert.deepEqual(
    parts.map(({ index, fromNs, toNs }) => [index, fromNs, toNs]),
    [
      [0, 0, 5_000],
      [1, 5_000, 10_000],
    ],
  );
});

test("Idle time is what no span without children covers; compressed, the axis still goes both ways", () => {
  const tree = buildTree([
    span("root", undefined, 0, 1_000_000),
    span("a", "root", 0, 1_000),
    span("b", "root", 999_000, 1_000_000),
  ]);
  const gaps = idleGaps(tree);
  assert.deepEqual(gaps, [{ fromNs: 1_000_000, toNs: 999_000_000 }]);
  assert.ok(Math.abs(idleShare(gaps, tree.durationNs) - 0.998) < 1e-9);
  const scale = makeScale(tree.durationNs, gaps);
  assert.ok(scale.toUnit(1_000_000) > 0.45, "what was a thousandth is nearly half");
  for (const ns of [0, 500_000, 1_000_000, 5e8, 999_000_000, 1e9]) {
    assert.ok(Math.abs(scale.toNs(scale.toUnit(ns)) - ns) < 1, `${ns}`);
  }
  assert.equal(makeScale(100).toUnit(50), 0.5);
});

test("Zooming keeps the place under the pointer, and neither zooming nor panning leaves the axis", () => {
  const half = zoomed(WHOLE, 0.5, 0.25);
  assert.deepEqual(half, { from: 0.125, to: 0.625 });
  assert.deepEqual(zoomed(half, 10, 0.3), WHOLE);
  assert.deepEqual(panned(half, -5), { from: 0, to: 0.5 });
  assert.deepEqual(panned(half, 5), { from: 0.5, to: 1 });
});

test("Ticks are round times", () => {
  const at = (durationNs: number) => ticks(makeScale(durationNs), WHOLE, 5).map(({ ns }) => ns / 1e6);
  assert.deepEqual(at(1e9), [0, 200, 400, 600, 800, 1000]);
  assert.deepEqual(at(7.3e6), [0, 2, 4, 6]);
  assert.deepEqual(at(600e9), [0, 120_000, 240_000, 360_000, 480_000, 600_000]);
  assert.ok(ticks(makeScale(0), WHOLE, 5).length > 0);
});

test("A flame merges equal names below one frame; widths are shares of all work or all money", () => {
  const tree = buildTree([
    span("root", undefined, 0, 10),
    span("1", "root", 0, 4, { name: "call", costUsd: 1 }),
    span("2", "root", 4, 8, { name: "call", costUsd: 3, status: "error" }),
    span("3", "root", 0, 8, { name: "other" }),
  ]);
  const sums = rollups(tree);
  const time = flameLayout(tree, sums, "time");
  assert.equal(time.total, 18_000);
  const call = time.frames.find(({ name }) => name === "call")!;
  assert.deepEqual([call.spans, call.errors, call.value], [2, 1, 8_000]);
  const cost = flameLayout(tree, sums, "cost");
  assert.deepEqual(
    cost.frames.map(({ name, width }) => [name, width]),
    [
      ["root", 1],
      ["call", 1],
    ],
  );
  assert.equal(tree.rows[cost.frames[1]!.index]!.spanId, "2", "the dearest of them");
});

test("Where no money went anywhere, a price of nothing is not a price that nobody knows", () => {
  const call = (costUsd?: number) =>
    span("c", undefined, 0, 1, { inputTokens: 5, ...(costUsd !== undefined && { costUsd }) });
  assert.match(whyNoCost([call()]), /No span of this trace has a price/);
  assert.match(whyNoCost([call(0), span("tool", "c", 0, 1)]), /It cost nothing/);
  assert.match(whyNoCost([call(0), call()]), /cost \$0; 1 call used tokens whose price is not known/);
});

test("Of failed spans those tell something that began it, or made another error of it", () => {
  const failed = (id: string, parent: string | undefined, errorMessage?: string) =>
    span(id, parent, 0, 1, { status: "error", ...(errorMessage !== undefined && { errorMessage }) });
  const own = (...rows: SpanRow[]) => {
    const tree = buildTree(rows);
    const errors = tree.rows.flatMap(({ status }, index) => (status === "error" ? [index] : []));
    return ownErrors(tree, errors).map((index) => tree.rows[index]!.spanId);
  };
  assert.deepEqual(own(failed("run", undefined, "no answer"), failed("look_up", "run", "not found")), [
    "run",
    "look_up",
  ]);
  assert.deepEqual(own(failed("run", undefined, "429"), failed("call", "run", "429")), ["call"], "passed on");
  assert.deepEqual(own(failed("run", undefined), failed("call", "run", "429")), ["call"], "says nothing itself");
  assert.deepEqual(own(failed("run", undefined)), ["run"]);
  const between = [failed("run", undefined, "429"), span("step", "run", 0, 1), failed("call", "step", "429")];
  assert.deepEqual(own(...between, failed("then", "run", "other")), ["call", "then"]);
});

test("The map shows a failed span however many hide it", () => {
  const rows = [span("root", undefined, 0, 1_000_000)];
  for (let i = 0; i < 5_000; i++) rows.push(span(`s${i}`, "root", i, i + 100, i === 2_500 ? { status: "error" } : {}));
  const tree = buildTree(rows);
  const cells = minimapCells(tree, makeScale(tree.durationNs), 200, 20);
  assert.equal(cells.length, 4_000);
  assert.equal(cells.filter((cell) => cell === FAILED).length, 2);
});

test("Search wants every word, anywhere in what is known; the next one goes round", () => {
  const tree = buildTree([
    span("a", undefined, 0, 9, { name: "Chat GPT", model: "gpt-4.1" }),
    span("b", "a", 1, 2, { errorMessage: "Rate limit reached" }),
  ]);
  const search = searcher(tree);
  assert.deepEqual(search("4.1 chat"), [0]);
  assert.deepEqual(search("LIMIT rate"), [1]);
  assert.deepEqual(search("  "), []);
  assert.equal(nextOf([2, 5], 5, 1), 2);
  assert.equal(nextOf([2, 5], 3, -1), 2);
  assert.equal(nextOf([2, 5], 2, -1), 5);
  assert.equal(nextOf([], 2, 1), undefined);
});
