import assert from "node:assert/strict";
import { test } from "node:test";
import { systemIds } from "../../src/core/ids.ts";
import {
  extract,
  formatBaggage,
  formatTraceparent,
  inject,
  parseBaggage,
  parseTraceparent,
  parseTracestate,
} from "../../src/core/traceparent.ts";

const TRACE = "12345678901234567890123456789012";
const SPAN = "1234567890123456";
const HEADER = `00-${TRACE}-${SPAN}-01`;
const IDS = { traceId: TRACE, spanId: SPAN };

/** A small seeded generator (mulberry32), so that a failure can be run again. */
function seeded(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const flags: [header: string, traceFlags: number][] = [
  [HEADER, 1],
  [`00-${TRACE}-${SPAN}-00`, 0],
  [`00-${TRACE}-${SPAN}-02`, 2],
  [`00-${TRACE}-${SPAN}-03`, 3],
  // Bits that level 2 does not define are not read.
  [`00-${TRACE}-${SPAN}-ff`, 3],
  [`00-${TRACE}-${SPAN}-fc`, 0],
  // Whitespace around a header value is not part of it.
  [` \t${HEADER}\t `, 1],
  // Versions to come: ids and the sampled flag only.
  [`cc-${TRACE}-${SPAN}-01`, 1],
  [`cc-${TRACE}-${SPAN}-ff`, 1],
  [`01-${TRACE}-${SPAN}-02`, 0],
  [`cc-${TRACE}-${SPAN}-01-what-the-future-will-be-like`, 1],
  [`fe-${TRACE}-${SPAN}-01-`, 1],
];

for (const [header, traceFlags] of flags) {
  test(`traceparent ${JSON.stringify(header)} is read`, () => {
    assert.deepEqual(parseTraceparent(header), { ...IDS, traceFlags });
  });
}

const malformed: [why: string, header: unknown][] = [
  ["version ff", `ff-${TRACE}-${SPAN}-01`],
  ["version with a dot", `.0-${TRACE}-${SPAN}-01`],
  ["version with a trailing dot", `0.-${TRACE}-${SPAN}-01`],
  ["version too long", `000-${TRACE}-${SPAN}-01`],
  ["version too short", `0-${TRACE}-${SPAN}-01`],
  ["version in upper case", `CC-${TRACE}-${SPAN}-01`],
  ["version 00 that goes on", `${HEADER}-`],
  ["version 00 that goes on with text", `${HEADER}-what-the-future-will-be-like`],
  ["a later version that goes on without a dash", `cc-${TRACE}-${SPAN}-01.what-the-future-will-be-like`],
  ["trace id all zero", `00-${"0".repeat(32)}-${SPAN}-01`],
  ["trace id with a dot", `00-.${TRACE.slice(1)}-${SPAN}-01`],
  ["trace id too long", `00-${TRACE}3-${SPAN}-01`],
  ["trace id too short", `00-${TRACE.slice(1)}-${SPAN}-01`],
  ["trace id in upper case", `00-${"ABCDEF0123456789".repeat(2)}-${SPAN}-01`],
  ["parent id all zero", `00-${TRACE}-${"0".repeat(16)}-01`],
  ["parent id with a dot", `00-${TRACE}-${SPAN.slice(1)}.-01`],
  ["parent id too long", `00-${TRACE}-${SPAN}7-01`],
  ["parent id too short", `00-${TRACE}-${SPAN.slice(1)}-01`],
  ["parent id in upper case", `00-${TRACE}-ABCDEF0123456789-01`],
  ["flags with a dot", `00-${TRACE}-${SPAN}-.0`],
  ["flags with a trailing dot", `00-${TRACE}-${SPAN}-0.`],
  ["flags too long", `00-${TRACE}-${SPAN}-001`],
  ["flags too short", `00-${TRACE}-${SPAN}-1`],
  ["flags in upper case", `00-${TRACE}-${SPAN}-0A`],
  ["no flags", `00-${TRACE}-${SPAN}`],
  ["no flags but a dash", `00-${TRACE}-${SPAN}-`],
  ["two headers joined", `${HEADER}, ${HEADER}`],
  ["two later headers joined", `cc${HEADER.slice(2)},cc${HEADER.slice(2)}`],
  ["a line break inside", `00-${TRACE}\n-${SPAN}-01`],
  ["other dashes", HEADER.replaceAll("-", "–")],
  ["empty", ""],
  ["blank", "   "],
  ["undefined", undefined],
  ["null", null],
  ["a number", 0],
  ["an array", [HEADER]],
  ["an object that prints as a header", { toString: () => HEADER }],
  ["a symbol", Symbol("traceparent")],
];

for (const [why, header] of malformed) {
  test(`traceparent: ${why} is undefined`, () => assert.equal(parseTraceparent(header), undefined));
}

test("formatTraceparent sends version 00 and only the flags that level 2 defines", () => {
  assert.equal(formatTraceparent({ ...IDS, traceFlags: 1 }), HEADER);
  assert.equal(formatTraceparent({ ...IDS, traceFlags: 0xff }), `00-${TRACE}-${SPAN}-03`);
  assert.equal(formatTraceparent({ ...IDS, traceFlags: 0 }), `00-${TRACE}-${SPAN}-00`);
});

test("fuzz: what is formatted is parsed back, and no mutation of it throws or gives an invalid result (seed 1)", () => {
  const random = seeded(1);
  const alphabet = "0123456789abcdefABCDEF-., \t\n\0gzé\u{1F600}";
  let accepted = 0;
  for (let i = 0; i < 20_000; i++) {
    const span = {
      traceId: systemIds.traceId(random(2 ** 31) * 1000),
      spanId: systemIds.spanId(),
      traceFlags: random(4),
    };
    const header = formatTraceparent(span);
    assert.deepEqual(parseTraceparent(header), span);
    const at = random(header.length + 1);
    const mutated = header.slice(0, at) + (alphabet[random(alphabet.length)] ?? "") + header.slice(at + random(3));
    const parsed = parseTraceparent(mutated);
    if (parsed === undefined) continue;
    accepted++;
    assert.match(formatTraceparent(parsed), /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-0[0-3]$/);
    assert.deepEqual(parseTraceparent(formatTraceparent(parsed)), parsed);
  }
  assert.ok(accepted > 1000 && accepted < 19_000, `both outcomes are exercised: ${accepted} of 20,000`);
});

const members = (count: number): string => Array.from({ length: count }, (_, i) => `k${i}=${i % 10}`).join(",");

/** Five members, 509 characters together. */
const five = (key: string): string => Array.from({ length: 5 }, (_, i) => `${key}${i}=${"v".repeat(98)}`).join(",");

const tracestates: [header: string, result: string | undefined][] = [
  ["foo=1", "foo=1"],
  ["foo=1,bar=2", "foo=1,bar=2"],
  ["foo=1 \t , \t bar=2, \t baz=3", "foo=1,bar=2,baz=3"],
  ["foo=1,", "foo=1"],
  [",foo=1,,bar=2", "foo=1,bar=2"],
  // Duplicates may be kept as they are.
  ["foo=1,foo=2", "foo=1,foo=2"],
  ["foo@=1", "foo@=1"],
  ["0tenant@system=1", "0tenant@system=1"],
  ["abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1", "abcdefghijklmnopqrstuvwxyz0123456789_-*/@=1"],
  [
    `foo=${"!\"#$%&'()*+-./0123456789:;<>?@AZ[\\]^_`az{|}~"}`,
    `foo=${"!\"#$%&'()*+-./0123456789:;<>?@AZ[\\]^_`az{|}~"}`,
  ],
  ["foo=a b", "foo=a b"],
  [`${"z".repeat(256)}=1`, `${"z".repeat(256)}=1`],
  [`a=${"v".repeat(256)}`, `a=${"v".repeat(256)}`],
  [members(32), members(32)],
  [members(33), undefined],
  [`${"z".repeat(257)}=1`, undefined],
  [`a=${"v".repeat(257)}`, undefined],
  [
    `a=${"v".repeat(200)},b=${"v".repeat(200)},c=${"v".repeat(101)}`,
    `a=${"v".repeat(200)},b=${"v".repeat(200)},c=${"v".repeat(101)}`,
  ],
  // Too many characters: long members go first, from the end; then the last ones.
  [`a=${"v".repeat(200)},b=${"v".repeat(200)},c=${"v".repeat(106)}`, `a=${"v".repeat(200)},c=${"v".repeat(106)}`],
  [`a=${"v".repeat(127)},${five("b")}`, five("b")],
  [`a=${"v".repeat(126)},${five("b")}`, `a=${"v".repeat(126)},${five("b").slice(0, 305)}`],
  [`k=${"v".repeat(256)},${"z".repeat(256)}=1`, `k=${"v".repeat(256)}`],
  [`k=1,BAD=1,${five("b")}`, undefined],
  ["a=1,".repeat(5000), undefined],
  ["foo", undefined],
  ["foo=", undefined],
  ["=1", undefined],
  ["foo =1", undefined],
  ["FOO=1", undefined],
  ["foo.bar=1", undefined],
  ["@foo=1", undefined],
  ["foo=bar=baz", undefined],
  ["foo=\u00e9", undefined],
  ["foo=a\nb", undefined],
  ["foo=1;bar=2,BAD", undefined],
  ["", undefined],
  [" , ,", undefined],
];

for (const [header, result] of tracestates) {
  const shown = header.length > 60 ? `${header.slice(0, 60)}… (${header.length})` : header;
  test(`tracestate ${JSON.stringify(shown)} is ${result === undefined ? "dropped" : "kept"}`, () => {
    assert.equal(parseTracestate(header), result);
  });
}

test("tracestate that is no string is dropped", () => {
  for (const value of [undefined, null, 1, ["foo=1"], {}]) assert.equal(parseTracestate(value), undefined);
});

test("baggage gives only what is asked for, decoded", () => {
  const header = "user=alice, tenant = acme%20inc ;ttl=5;secret , broken, =x, other=1,bad=a b,q=a=b,empty=";
  assert.deepEqual({ ...parseBaggage(header, ["user", "tenant", "missing"]) }, { user: "alice", tenant: "acme inc" });
  assert.deepEqual({ ...parseBaggage(header, ["broken", "", "bad"]) }, {});
  assert.deepEqual({ ...parseBaggage(header, ["q", "empty"]) }, { q: "a=b", empty: "" });
  assert.deepEqual({ ...parseBaggage(header, []) }, {});
  assert.deepEqual({ ...parseBaggage("a=1,a=2", ["a"]) }, { a: "2" });
});

test("baggage decodes UTF-8 and replaces what is none", () => {
  const cases: [string, string][] = [
    ["%F0%9F%98%80", "😀"],
    ["caf%c3%A9", "café"],
    ["%FF", "\uFFFD"],
    ["a%E2%82", "a\uFFFD"],
    ["100%", "100%"],
    ["%zz", "%zz"],
    ["%2C%3B%3D", ",;="],
  ];
  for (const [raw, value] of cases) assert.equal(parseBaggage(`k=${raw}`, ["k"])["k"], value);
});

test("baggage pollutes no prototype", () => {
  const entries = parseBaggage("__proto__=polluted,constructor=x,toString=y", ["__proto__", "constructor", "toString"]);
  assert.equal(({} as { polluted?: unknown }).polluted, undefined);
  assert.deepEqual(Object.entries(entries), [
    ["__proto__", "polluted"],
    ["constructor", "x"],
    ["toString", "y"],
  ]);
});

test("baggage beyond 64 entries or 8,192 bytes is not read and not sent", () => {
  const names = Array.from({ length: 70 }, (_, i) => `k${i}`);
  const header = names.map((name) => `${name}=v`).join(",");
  assert.equal(Object.keys(parseBaggage(header, names)).length, 64);
  assert.equal(formatBaggage(Object.fromEntries(names.map((name) => [name, "v"])))?.split(",").length, 64);

  const long = `a=${"v".repeat(8185)},b=1`;
  assert.equal(long.length, 8191);
  assert.equal(parseBaggage(long, ["b"])["b"], "1");
  const cut = parseBaggage(`a=1,${"x".repeat(8200)},b=1`, ["a", "b"]);
  assert.deepEqual({ ...cut }, { a: "1" });
  assert.deepEqual({ ...parseBaggage(`a=${"v".repeat(9000)}`, ["a"]) }, {});

  assert.equal(formatBaggage({ a: "v".repeat(8190) })?.length, 8192);
  assert.equal(formatBaggage({ a: "v".repeat(8191) }), undefined);
  assert.equal(formatBaggage({ a: "v".repeat(8188), b: "1", c: "2" }), `a=${"v".repeat(8188)}`);
  assert.equal(formatBaggage({ a: "é".repeat(4000), b: "1" }), "b=1");
});

test("formatBaggage leaves out what is no entry", () => {
  assert.equal(formatBaggage({}), undefined);
  assert.equal(formatBaggage({ "a b": "1", "": "2", "k,": "3", ü: "4" }), undefined);
  assert.equal(formatBaggage({ a: 1 as unknown as string, b: "x" }), "b=x");
  assert.equal(formatBaggage({ a: "lone \ud800 surrogate" }), "a=lone%20%EF%BF%BD%20surrogate");
});

test("fuzz: baggage is parsed back as it was formatted (seed 2)", () => {
  const random = seeded(2);
  for (let i = 0; i < 5000; i++) {
    const value = Array.from({ length: random(20) }, () => String.fromCodePoint(random(0xd800))).join("");
    const header = formatBaggage({ before: "1", key: value, after: "2" });
    assert.equal(parseBaggage(header, ["key"])["key"], value, JSON.stringify(header));
  }
});

const remote = { ...IDS, traceFlags: 1, traceState: "foo=1", baggage: "user=alice" };
const fields = { traceparent: HEADER, tracestate: "foo=1", baggage: "user=alice" };
const shouted = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key.toUpperCase(), value]));

const carriers: [what: string, carrier: unknown][] = [
  ["a plain object", fields],
  ["a plain object in capitals, as in process.env", shouted],
  ["a null-prototype object", Object.assign(Object.create(null), fields)],
  ["IncomingHttpHeaders", { host: "x", "set-cookie": ["a", "b"], ...fields }],
  ["headers in several lines", { traceparent: [HEADER], tracestate: ["foo=1"], baggage: ["user=alice"] }],
  ["Headers", new Headers(shouted)],
  ["a Map", new Map(Object.entries(fields))],
  ["a Map with capitals", new Map(Object.entries(shouted))],
  ["a Map with keys of any kind", new Map<unknown, unknown>([[1, 2], [{}, 3], ...Object.entries(fields)])],
  ["an object with get", { get: (name: string) => fields[name as keyof typeof fields] }],
  ["a round trip through JSON", JSON.parse(JSON.stringify(fields))],
];

for (const [what, carrier] of carriers) {
  test(`extract reads ${what}`, () => assert.deepEqual(extract(carrier), remote));
}

test("extract leaves out what is absent or malformed", () => {
  assert.deepEqual(extract({ traceparent: HEADER }), { ...IDS, traceFlags: 1 });
  assert.deepEqual(extract({ traceparent: HEADER, tracestate: "BAD" }), { ...IDS, traceFlags: 1 });
  assert.deepEqual(extract({ traceparent: HEADER, baggage: 5 }), { ...IDS, traceFlags: 1 });
  assert.equal(extract({ traceparent: [HEADER, HEADER] }), undefined);
  assert.equal(extract({ traceparent: [HEADER, 1] }), undefined);
  assert.equal(extract({ tracestate: "foo=1", baggage: "a=1" }), undefined);
  assert.equal(extract(Object.create(fields)), undefined, "inherited names are not headers");
});

test("extract never throws", () => {
  const revoked = Proxy.revocable({}, {});
  revoked.revoke();
  const thrower = (): never => {
    throw new Error("no");
  };
  const hostile: unknown[] = [
    undefined,
    null,
    0,
    HEADER,
    Symbol("x"),
    () => HEADER,
    [],
    [HEADER],
    revoked.proxy,
    new Proxy({}, { ownKeys: thrower, get: thrower }),
    {
      get traceparent() {
        return thrower();
      },
    },
    { get: thrower },
    { get: () => thrower() },
    { get: () => 1, [Symbol.iterator]: () => 5 },
    {
      get: () => 1,
      *[Symbol.iterator]() {
        yield 5;
      },
    },
    { get: 5, traceparent: 5 },
  ];
  for (const carrier of hostile) assert.equal(extract(carrier), undefined);
});

test("inject sets fields on objects and on anything with set, and returns it", () => {
  const plain = { accept: "x" };
  assert.equal(inject(fields, plain), plain);
  assert.deepEqual(plain, { accept: "x", ...fields });
  assert.deepEqual(Object.fromEntries(inject(fields, new Headers({ accept: "x" }))), { accept: "x", ...fields });
  assert.deepEqual(inject(fields, new Map()), new Map(Object.entries(fields)));
  assert.deepEqual(inject({ traceparent: HEADER }, {}), { traceparent: HEADER });
  assert.deepEqual(inject({}, {}), {});
});

test("inject replaces a name that is there in another case", () => {
  assert.deepEqual(inject({ traceparent: HEADER }, { TraceParent: "old" }), { TraceParent: HEADER });
});

test("inject never throws", () => {
  const frozen = Object.freeze({});
  assert.equal(inject(fields, frozen), frozen);
  assert.deepEqual(frozen, {});
  const throwing = { set: () => assert.fail("no") };
  assert.equal(inject(fields, throwing), throwing);
});

test("what is injected is extracted", () => {
  assert.deepEqual(extract(inject(fields, new Headers())), remote);
  assert.deepEqual(extract(inject(fields, {})), remote);
});

test("fuzz: extract takes any strings (seed 3)", () => {
  const random = seeded(3);
  const text = (): string => Array.from({ length: random(80) }, () => String.fromCharCode(random(0x180))).join("");
  for (let i = 0; i < 5000; i++) {
    const found = extract({ traceparent: random(2) ? HEADER : text(), tracestate: text(), baggage: text() });
    if (found !== undefined) assert.equal(found.traceId, TRACE);
    const baggage = parseBaggage(text(), [text(), "a"]);
    for (const key of Object.keys(baggage)) assert.equal(typeof baggage[key], "string");
  }
});
