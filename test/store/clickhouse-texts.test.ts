/** A record in the columns of ClickHouse's `payloads`: it comes back as it was, and is found by the words of `searchText`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Json } from "../../src/core/json.ts";
import { encode, type SpanRecord } from "../../src/core/record.ts";
import { recordOf, textColumns } from "../../src/store/clickhouse/text-columns.ts";
import { searchText } from "../../src/store/search-text.ts";
import { words } from "../../src/store/words.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";
import { holds, wildText } from "../fuzz/property.ts";
import { ODD_TEXTS } from "./support/mean-records.ts";

/** As `lower` and `splitByNonAlpha` do: of ASCII only, and whatever is beyond it is a letter. */
function tokens({ texts, words }: { texts: string; words: string }): Set<string> {
  const lower = `${texts.replace(/[A-Z]/g, (letter) => letter.toLowerCase())} ${words}`;
  return new Set(lower.split(/[^0-9A-Za-z\u0080-\uffff]+/).filter(Boolean));
}

function check(record: SpanRecord): void {
  const columns = textColumns(record);
  assert.ok(!columns.line.includes("\n") && !columns.words.includes("\n"));
  assert.equal(JSON.stringify(recordOf(columns.texts, columns.line, record.traceId, record.spanId)), encode(record));
  const found = tokens(columns);
  const wanted = new Set(searchText(record).split(" ").filter(Boolean));
  for (const word of wanted) assert.ok(found.has(word), `${JSON.stringify(word)} is not found`);
  for (const token of found)
    if (words(token) === token) assert.ok(wanted.has(token), `${JSON.stringify(token)} is found`);
}

/** Long enough to be kept once. */
const long = (text: string): string => `${text} and so on until it is long enough for a column of its own ${text}`;
const TEXTS = [
  ...ODD_TEXTS,
  ...[
    "\x7f12",
    "\x7f",
    "\r",
    "Kelvin \u212a",
    "dash—ed “Quote’s”",
    "ΑΣ.Α ΑΣ ΣΑ ᾺΣ",
    "Àpre CAFÉ café naïve",
    "été",
    "a\u0301b",
  ],
];

test("long texts are kept once, with places in the JSON", () => {
  const input = [{ role: "user", content: long("Solve it:\n“3x” — now") }];
  const columns = textColumns(sampleSpan({ input, output: "no", name: "chat" }));
  assert.equal(columns.texts, input[0]!.content);
  assert.ok(!columns.line.includes("Solve") && columns.line.includes(`"\x7f${input[0]!.content.length}"`));
  assert.equal(columns.words, "chat user 3x 3x no");
});

test("odd texts, short and long, come back and are found", () => {
  for (const text of TEXTS) {
    for (const input of [text, long(text), { [text]: [long(text), text, 1.5, null] }]) {
      check(sampleSpan({ input, output: [text, long("other"), { ["__proto__x"]: text }] }));
    }
  }
});

test("what JSON makes something else of, or is nested deep, stays whole", () => {
  const text = long("whole");
  let deep: Json = text;
  for (let i = 0; i < 100; i++) deep = [deep];
  const odd: unknown[] = [
    deep,
    JSON.parse(`{"__proto__":{"a":${JSON.stringify(text)}}}`),
    [text, "\x7f\ud800"],
    [text, new Date(0)],
    [text, { toJSON: () => "else" }],
    [text, Object.assign([text], { toJSON: () => "else" })],
    [
      text,
      new (class Some {
        a = text;
      })(),
    ],
  ];
  for (const input of odd) {
    const columns = textColumns(sampleSpan({ input: input as Json }));
    assert.equal(columns.texts, "");
    assert.equal(columns.line, JSON.stringify(sampleSpan({ input: input as Json })));
  }
  check(sampleSpan({ input: deep }));
  check(sampleSpan({ input: odd[1] as Json }));
  check(sampleSpan({ input: odd[2] as Json }));
});

test("rows of before, with all words and the whole record, are read as well", () => {
  const record = sampleSpan({ input: "\x7f40" });
  assert.deepEqual(recordOf("", JSON.stringify(record), record.traceId, record.spanId), record);
});

test("any payload comes back, and is found by its words and no others", (t) => {
  const some = fc.oneof(wildText, fc.string({ unit: "binary", maxLength: 80 }), fc.constantFrom(...TEXTS));
  const text = fc.oneof(
    some,
    fc.tuple(some, some).map(([a, b]) => a + long(b)),
  );
  const { payload } = fc.letrec<{ payload: Json }>((tie) => ({
    payload: fc.oneof(
      { maxDepth: 4 },
      text,
      fc.double(),
      fc.constant(null),
      fc.array(tie("payload"), { maxLength: 4 }),
      fc.dictionary(fc.oneof(text, fc.constantFrom("__proto__", "7", "toJSON")), tie("payload"), { maxKeys: 4 }),
    ),
  }));
  return holds(
    t,
    fc.property(payload, payload, some, (input, output, name) => check(sampleSpan({ input, output, name }))),
    500,
  );
});
