/** W3C headers and the numbers of other people: any text, any object. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isSpanId, isTraceId } from "../../src/core/ids.ts";
import { MAX_RETRY_AFTER_MS, parseRetryAfter } from "../../src/core/retry-after.ts";
import {
  extract,
  formatBaggage,
  formatTraceparent,
  inject,
  parseBaggage,
  parseTraceparent,
  parseTracestate,
} from "../../src/core/traceparent.ts";
import { normalizeUsage } from "../../src/core/usage.ts";
import { anything, holds, wildText } from "./property.ts";

const hex = (length: number) =>
  fc
    .string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length })
    .filter((id) => !/^0+$/.test(id));
const context = fc.record({ traceId: hex(32), spanId: hex(16), traceFlags: fc.nat(255) });

/** A text that was right, with a few characters changed, taken or put in. */
function spoilt(right: fc.Arbitrary<string>): fc.Arbitrary<string> {
  const change = fc.tuple(
    fc.nat(),
    fc.nat(2),
    fc.oneof(fc.constantFrom("", "-", "=", ",", "g", "F", "0", " "), wildText),
  );
  return fc.tuple(right, fc.array(change, { maxLength: 3 })).map(([text, changes]) =>
    changes.reduce((now, [at, taken, put]) => {
      const start = at % (now.length + 1);
      return now.slice(0, start) + put + now.slice(start + taken);
    }, text),
  );
}

const traceparent = context.map(formatTraceparent);

test("P17 traceparent: what is formatted is parsed; any other text gives valid ids or nothing", (t) =>
  holds(
    t,
    fc.property(context, fc.oneof(spoilt(traceparent), wildText, anything), (given, text) => {
      assert.deepEqual(parseTraceparent(formatTraceparent(given)), { ...given, traceFlags: given.traceFlags & 3 });
      const parsed = parseTraceparent(text);
      if (parsed === undefined) return;
      assert.ok(isTraceId(parsed.traceId) && isSpanId(parsed.spanId) && parsed.traceFlags <= 3, String(text));
      assert.deepEqual(parseTraceparent(formatTraceparent(parsed)), parsed);
    }),
    3_000,
  ));

const key = fc.stringMatching(/^[a-z0-9][a-z0-9_\-*/@]{0,20}$/);
const stateValue = fc.stringMatching(/^[!-+\--<>-~]{1,20}$/);
const tracestate = fc
  .array(fc.tuple(key, stateValue), { minLength: 1, maxLength: 10 })
  .map((members) => members.map((each) => each.join("=")).join(","));

test("P17 tracestate: a valid one comes back as it was, any other whole or not at all", (t) =>
  holds(
    t,
    fc.property(tracestate, fc.oneof(spoilt(tracestate), wildText, anything), (valid, text) => {
      assert.equal(parseTracestate(valid), valid.length <= 512 ? valid : undefined);
      const parsed = parseTracestate(text);
      if (parsed === undefined) return;
      assert.match(parsed, /^[ -~]{1,512}$/);
      assert.equal(parseTracestate(parsed), parsed);
    }),
    2_000,
  ));

const entries = fc.dictionary(
  fc.oneof(fc.stringMatching(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,20}$/), fc.constant("__proto__")),
  wildText,
  { maxKeys: 10, noNullPrototype: true },
);
const pairs = (of: object): string => JSON.stringify(Object.entries(of).sort());

test("P17 baggage: what is formatted is parsed, whatever the values; any other text never throws", (t) =>
  holds(
    t,
    fc.property(entries, fc.oneof(wildText, anything), fc.array(wildText), (given, text, allow) => {
      const wanted = Object.fromEntries(
        Object.entries(given).map(([name, value]) => [name, value.replace(/\p{Surrogate}/gu, "\uFFFD")]),
      );
      assert.equal(pairs(parseBaggage(formatBaggage(given), Object.keys(given))), pairs(wanted));
      const parsed = parseBaggage(text, allow);
      for (const [name, value] of Object.entries(parsed)) assert.ok(allow.includes(name) && typeof value === "string");
      assert.equal(Object.getPrototypeOf(parsed), null);
      const header = formatBaggage(text as never);
      assert.ok(header === undefined || (header.length <= 8_192 && !/[^!-~]/.test(header)), header);
    }),
    2_000,
  ));

const carriers: readonly (() => object)[] = [
  () => ({}),
  () => ({ TraceParent: "stale", TRACESTATE: "stale=1", Accept: "*/*" }),
  () => new Headers({ traceparent: "stale" }),
  () => new Map([["traceparent", "stale"]]),
  () => Object.create(null),
  () => Object.create({ inherited: 1 }),
];

test("P17 extract gives back what inject has set, in every kind of carrier", (t) =>
  holds(
    t,
    fc.property(context, fc.option(tracestate), entries, fc.constantFrom(...carriers), (given, state, some, make) => {
      const traceState = parseTracestate(state);
      const baggage = formatBaggage(some);
      const fields = {
        traceparent: formatTraceparent(given),
        ...(traceState !== undefined && { tracestate: traceState }),
        ...(baggage !== undefined && { baggage }),
      };
      const carrier = inject(fields, make());
      const { traceState: read, baggage: carried, ...span } = extract(carrier) ?? {};
      assert.deepEqual(span, { ...given, traceFlags: given.traceFlags & 3 });
      assert.equal(carried, baggage);
      if (traceState !== undefined) assert.equal(read, traceState);
    }),
    1_000,
  ));

const fails = (): never => {
  throw new Error("of the host's");
};
const wrong: readonly ((value: any) => object)[] = [
  (value) => ({ traceparent: value }),
  (value) => ({ traceparent: [value], tracestate: value, baggage: value }),
  (value) => ({ get: () => value }),
  (value) => ({ get: value, set: value }),
  () => ({ get: fails, set: fails }),
  (value) => ({ get: () => value, [Symbol.iterator]: () => ({ next: () => ({ done: false, value: fails }) }) }),
  (value) => new Proxy({}, { get: () => value, ownKeys: fails }),
  (value) => Object.freeze({ traceparent: value }),
  (value) => new Map([[value, value]]),
];

test("P1 no carrier makes inject, extract or the reading of baggage throw", (t) =>
  holds(
    t,
    fc.property(fc.oneof(anything, spoilt(traceparent)), fc.constantFrom(...wrong), (value, wrap) => {
      const carrier = wrap(value);
      for (const each of [value, carrier]) {
        const found = extract(each);
        if (found !== undefined) assert.ok(isTraceId(found.traceId) && isSpanId(found.spanId));
      }
      assert.equal(inject({ traceparent: "00-a", baggage: "a=1" }, carrier), carrier);
    }),
    2_000,
  ));

const counts = fc.constantFrom(
  "prompt_tokens",
  "input_tokens",
  "inputTokens",
  "output",
  "total",
  "completion_tokens_details",
  "cached_tokens",
  "cache_creation_input_tokens",
  "cache_read_input_tokens",
  "extra",
  "a.b",
  "__proto__",
);
const usage = fc.object({
  key: counts,
  maxDepth: 4,
  values: [fc.double(), fc.maxSafeInteger(), fc.constantFrom(1e308, -1, 0, null), fc.string()],
});

test("P1 usage of any shape gives counts that are numbers in range, or nothing; normal usage stays as it is", (t) =>
  holds(
    t,
    fc.property(fc.oneof(usage, anything), (raw) => {
      const normal = normalizeUsage(raw);
      if (normal === undefined) return;
      const { extra = {}, ...known } = normal;
      for (const [name, count] of [...Object.entries(known), ...Object.entries(extra)]) {
        assert.ok(Number.isFinite(count) && count >= 0, `${name}: ${count}`);
      }
      assert.deepEqual(normalizeUsage(normal), normal);
    }),
    3_000,
  ));

const when = fc.oneof(
  fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
  fc.double().map(String),
  fc.nat().map(String),
  spoilt(
    fc.constantFrom(
      "Sun, 06 Nov 1994 08:49:37 GMT",
      "Sunday, 06-Nov-94 08:49:37 GMT",
      "Sun Nov  6 08:49:37 1994",
      "120",
      "1.5",
    ),
  ),
  wildText,
);

test("P12 Retry-After in any form, at any time, is a wait from 0 to 15 minutes or nothing", (t) =>
  holds(
    t,
    fc.property(fc.option(when), fc.oneof(fc.double(), fc.nat()), (value, nowMs) => {
      const wait = parseRetryAfter(value, nowMs);
      assert.ok(wait === undefined || (wait >= 0 && wait <= MAX_RETRY_AFTER_MS), `${wait}`);
    }),
    5_000,
  ));

test("counterexample: a sum of counts beyond every number was Infinity, which JSON has not", () => {
  assert.deepEqual(normalizeUsage({ prompt_tokens: [1e308, 1e308] }), undefined);
  const most = Number.MAX_SAFE_INTEGER;
  assert.deepEqual(normalizeUsage({ input: [most, most], output: most }), {
    inputTokens: most,
    outputTokens: most,
    totalTokens: most,
  });
});

test("counterexample: baggage of nothing threw", () => assert.equal(formatBaggage(null as never), undefined));

test("counterexample: Retry-After as a date, read by a clock that tells no time, was NaN", () => {
  assert.equal(parseRetryAfter("Sun, 06 Nov 1994 08:49:37 GMT", Number.NaN), undefined);
});

test("counterexample: a count named __proto__ was lost, and left usage without any count", () => {
  assert.equal(JSON.stringify(normalizeUsage(JSON.parse('{"__proto__":7}'))), '{"extra":{"__proto__":7}}');
});
