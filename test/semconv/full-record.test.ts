/** Nothing that a record can have is lost on the way. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GenAi, SpanRecord } from "sightline";
import { contentEvent, openInferenceAttributes, PROFILES, spanAttributes } from "sightline/semconv";
import { faults } from "./check.ts";
import { type Full, fullRecord } from "./full-record.ts";
import { REGISTRIES } from "./oracle.ts";

/** What OTLP has fields of a span, events, links or the resource for, or what its reader must not see twice. */
const ELSEWHERE = [
  "endTime",
  "error.message",
  "error.stack",
  "error.type",
  "events",
  "kind",
  "links",
  "parentIsExternal",
  "parentIsRemote",
  "parentSpanId",
  "record",
  "schema",
  "spanId",
  "status.code",
  "trace.environment",
  "trace.version",
  "traceFlags",
  "traceId",
  "traceState",
];

/** Each leaf of the record, with the record in which this leaf alone is another. */
function* variants(
  value: unknown,
  change: (value: unknown) => unknown = other,
  path: readonly string[] = [],
): Generator<[path: string, record: SpanRecord]> {
  if (typeof value === "object" && value !== null) {
    for (const [key, each] of Object.entries(value)) yield* variants(each, change, [...path, key]);
    return;
  }
  const copy = structuredClone(fullRecord) as unknown;
  const parent = path.slice(0, -1).reduce<any>((object, key) => object[key], copy);
  parent[path.at(-1)!] = change(value);
  yield [path.join("."), copy as SpanRecord];
}

function other(value: unknown): unknown {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  // Times stay numbers.
  return typeof value === "string" && /^\d+$/.test(value) ? String(BigInt(value) + 1n) : `${value}x`;
}

for (const profile of PROFILES) {
  test(`every field of a span record makes a difference in profile ${profile}`, () => {
    const write = (record: SpanRecord) => JSON.stringify(spanAttributes(record, { profile, content: true }));
    const whole = write(fullRecord);
    const all = [...variants(fullRecord)];
    assert.ok(all.length > 150, `${all.length} leaves`);
    const silent = all.filter(([, record]) => write(record) === whole).map(([path]) => path);
    // Messages of `latest` do not say why they ended: the span's finish reasons do.
    const left = profile === "latest" ? [...ELSEWHERE, "output.0.finish_reason"] : ELSEWHERE;
    const isIn = (path: string, each: string) => path === each || path.startsWith(`${each}.`);
    assert.deepEqual(
      silent.filter((path) => !left.some((each) => isIn(path, each))),
      [],
    );
    // The list says nothing that is not so.
    assert.deepEqual(
      left.filter((each) => !silent.some((path) => isIn(path, each))),
      [],
    );
  });
}

test("a value of another kind than its field has harms nothing and gets no official name", () => {
  const wrong = new Set<string>();
  for (const odd of [null, 7, 0.5, "x", true, [], ["x", 1], {}, { a: null }]) {
    for (const [path, record] of variants(fullRecord, () => odd)) {
      if (!/^(?:genAi|usage|cost|error|input|output|metadata)\./.test(path) && !/^(?:http|trace)\./.test(path))
        continue;
      for (const profile of PROFILES) {
        const { attributes: _, ...rest } = record;
        const attributes = spanAttributes(rest, { profile, content: true });
        for (const fault of faults(attributes, [REGISTRIES[profile]], profile)) wrong.add(fault);
      }
      openInferenceAttributes(record, { content: true });
      contentEvent(record, "1.41");
    }
  }
  assert.deepEqual([...wrong], []);
});

test("a field that the full record lacks does not compile", () => {
  const { stream: _, ...genAi } = fullRecord.genAi;
  const { stepCount: _count, ...openai } = fullRecord.genAi.openai;
  // @ts-expect-error without `stream`
  const shallow: Full<GenAi> = genAi;
  // @ts-expect-error without `openai.stepCount`
  const deep: Full<GenAi> = { ...fullRecord.genAi, openai };
  assert.ok(shallow && deep);
});
