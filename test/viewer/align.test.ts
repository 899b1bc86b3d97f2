import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRow } from "../../src/store/trace-store.ts";
import { type AlignedRow, align, byDifference } from "../../src/viewer/app/compare/align.ts";
import { branches } from "../../src/viewer/app/compare/branches.ts";

let startUs = 0;

/** `tree("root", tree("child"))`; ids are the order of writing. */
function spansOf(text: string, part: { readonly [name: string]: Partial<SpanRow> } = {}): SpanRow[] {
  const parents: string[] = [];
  return text
    .trim()
    .split("\n")
    .map((line, index) => {
      const depth = line.search(/\S/) / 2;
      const [name = "", type = "span"] = line.trim().split("/");
      const spanId = `${index}`;
      parents[depth] = spanId;
      const parentSpanId = parents[depth - 1];
      startUs += 10;
      return {
        traceId: "t",
        spanId,
        ...(depth > 0 && parentSpanId !== undefined && { parentSpanId }),
        seq: 1,
        name,
        type: type as SpanRow["type"],
        status: "ok",
        level: "DEFAULT",
        startUs,
        durationNs: 1_000,
        ...part[name],
      };
    });
}

function show(rows: readonly AlignedRow[]): string {
  return rows
    .map(({ depth, left, right, kind, changes }) => {
      const names = kind === "added" ? right?.span.name : left?.span.name;
      const sign = { same: "=", changed: "~", removed: "-", added: "+" }[kind];
      return `${"  ".repeat(depth)}${sign} ${names}${changes.length > 0 ? ` (${changes})` : ""}`;
    })
    .join("\n");
}

test("children are paired by name and type; the rest is removed or added in its place", () => {
  const left = spansOf("run\n  plan\n  search/tool\n  answer\n    gpt/generation");
  const right = spansOf(
    "run\n  plan\n  fetch/tool\n  search/tool\n  answer\n    gpt/generation\n    gpt/generation\n  log",
  );
  assert.equal(
    show(align(left, right)),
    "= run\n  = plan\n  + fetch\n  = search\n  = answer\n    = gpt\n    + gpt\n  + log",
  );
  assert.equal(
    show(align(right, left)),
    "= run\n  = plan\n  - fetch\n  = search\n  = answer\n    = gpt\n    - gpt\n  - log",
  );
});

test("same name, other type: not the same step", () => {
  assert.equal(show(align(spansOf("run\n  x/tool"), spansOf("run\n  x/chain"))), "= run\n  - x\n  + x");
});

test("roots that stand alone belong together, whatever they are called", () => {
  assert.equal(show(align(spansOf("run\n  a"), spansOf("rerun\n  a"))), "~ run (name)\n  = a");
});

test("siblings in another order are paired and marked", () => {
  const rows = align(spansOf("run\n  a/tool\n  b/tool\n  c/tool"), spansOf("run\n  b/tool\n  c/tool\n  a/tool"));
  assert.equal(show(rows), "= run\n  = b\n  = c\n  ~ a (place)");
});

test("a model call under another name between the same neighbours is the same step", () => {
  const left = spansOf("run\n  plan\n  chat gpt-4.1/generation\n  store", { "chat gpt-4.1": { model: "gpt-4.1" } });
  const right = spansOf("run\n  plan\n  chat mini/generation\n  store", {
    "chat mini": { model: "mini", status: "error" },
  });
  assert.equal(show(align(left, right)), "= run\n  = plan\n  ~ chat gpt-4.1 (name,model,status)\n  = store");
  const elsewhere = spansOf("run\n  chat mini/generation\n  plan\n  store");
  assert.equal(show(align(left, elsewhere)), "= run\n  + chat mini\n  = plan\n  - chat gpt-4.1\n  = store");
});

test("deltas: with all below, and of the span alone", () => {
  const left = spansOf("run\n  gpt/generation", {
    run: { durationNs: 5_000_000, startUs: 0 },
    gpt: { durationNs: 2_000_000, startUs: 1_000, inputTokens: 100, outputTokens: 20, costUsd: 0.5 },
  });
  const right = spansOf("run\n  gpt/generation\n  tool/tool", {
    run: { durationNs: 9_000_000, startUs: 0 },
    gpt: { durationNs: 3_000_000, startUs: 1_000, inputTokens: 150, outputTokens: 30, costUsd: 0.25 },
    tool: { durationNs: 1_000_000, startUs: 3_000, status: "error" },
  });
  const [run, gpt, tool] = align(left, right);
  assert.deepEqual(run!.delta, { durationNs: 4_000_000, tokens: 60, costUsd: -0.25, errors: 1 });
  // Of the right run 3 ms + 1 ms ran below it, 1 ms of which at the same time.
  assert.deepEqual(run!.ownDelta, { durationNs: 3_000_000, tokens: 0, costUsd: 0, errors: 0 });
  assert.deepEqual(gpt!.delta, { durationNs: 1_000_000, tokens: 60, costUsd: -0.25, errors: 0 });
  assert.deepEqual(tool!.delta, { durationNs: 1_000_000, tokens: 0, costUsd: 0, errors: 1 });
  assert.deepEqual([run!.below, gpt!.below], [2, 0]);
  const names = (figure: "durationNs" | "costUsd") =>
    byDifference([run!, gpt!, tool!], figure).map(({ right }) => right?.span.name);
  assert.deepEqual(names("durationNs"), ["run", "gpt", "tool"]);
  assert.deepEqual(names("costUsd"), ["gpt"]);
});

test("parents that are missing, parents in a circle, several roots, nothing at all", () => {
  const circle = spansOf("a\nb\nc", {
    a: { parentSpanId: "1" },
    b: { parentSpanId: "0" },
    c: { parentSpanId: "gone" },
  });
  const found = branches(circle);
  const count = (list: typeof found): number => list.reduce((sum, each) => sum + 1 + count([...each.children]), 0);
  assert.equal(count(found), 3);
  const self = spansOf("a", { a: { parentSpanId: "0" } });
  assert.equal(branches(self).length, 1);
  assert.equal(show(align(spansOf("a\nb"), spansOf("b\nc"))), "- a\n= b\n+ c");
  assert.equal(show(align(circle, [])).split("\n").length, 3);
  assert.deepEqual(align([], []), []);
});

test("a chain of 20,000 and 10,000 siblings in another order", () => {
  const chain = Array.from({ length: 20_000 }, (_, index) => `${" ".repeat(0)}s${index}`);
  const spans = spansOf(chain.join("\n")).map((span, index) =>
    index === 0 ? span : { ...span, parentSpanId: String(index - 1) },
  );
  assert.equal(align(spans, spans).at(-1)?.depth, 19_999);
  const siblings = (count: (index: number) => number) =>
    spansOf(`run\n${Array.from({ length: 10_000 }, (_, index) => `  t${count(index)}/tool`).join("\n")}`);
  const rows = align(
    siblings((index) => (index * 7_919) % 10_000),
    siblings((index) => (index * 104_729) % 10_000),
  );
  assert.equal(rows.length, 10_001);
  assert.ok(rows.every(({ left, right }) => left && right));
});

test("what a call without a price costs is not known, nor what it differs by; what used no tokens cost nothing", () => {
  const used = { inputTokens: 100, outputTokens: 20 };
  const text = "run\n  tool/tool\n  gpt/generation\n  other/generation";
  const rows = align(
    spansOf(text, { gpt: used, other: { ...used, costUsd: 0.5 } }),
    spansOf(text, { gpt: { ...used, costUsd: 0.25 }, other: { ...used, costUsd: 0.75 } }),
  );
  assert.deepEqual(
    rows.map(({ left, delta }) => [left?.span.name, delta.costUsd]),
    [
      ["run", undefined],
      ["tool", 0],
      ["gpt", undefined],
      ["other", 0.25],
    ],
  );
  assert.deepEqual(
    byDifference(rows, "costUsd").map(({ left }) => left?.span.name),
    ["other", "gpt"],
  );
  const [, added] = align(spansOf("run"), spansOf("run\n  gpt/generation", { gpt: { ...used, costUsd: 0.25 } }));
  assert.equal(added!.delta.costUsd, 0.25);
});
