/** What is written is what is read: the codec, the file, the lines between garbage. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import fc from "fast-check";
import { isRecord } from "../../src/core/is-record.ts";
import {
  encode,
  type JsonObject,
  LEVELS,
  OBSERVATION_TYPES,
  SPAN_KINDS,
  type SpanRecord,
  type TraceRecord,
} from "../../src/core/record.ts";
import { fileSink } from "../../src/sinks/file.ts";
import { type Line, lineSplitter } from "../../src/sinks/lines.ts";
import { type CorruptLine, readRecords } from "../../src/sinks/read-records.ts";
import { sampleRecords, sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { anything, holds, wildText } from "./property.ts";

const dir = mkdtempSync(join(tmpdir(), "sightline-fuzz-"));
after(() => rmSync(dir, { recursive: true }));
let files = 0;

/** As JSON has it: no -0. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)));
const object = fc
  .dictionary(wildText, json, { maxKeys: 4 })
  .map((value) => JSON.parse(JSON.stringify(value)) as JsonObject);
const hex = (length: number) =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: length, maxLength: length });
const nanos = fc.bigInt(0n, 8_640_000_000_000_000_000_000n).map(String);

const span: fc.Arbitrary<TraceRecord> = fc
  .record(
    {
      traceId: hex(32),
      spanId: hex(16),
      seq: fc.nat(),
      name: wildText,
      type: fc.constantFrom(...OBSERVATION_TYPES),
      kind: fc.constantFrom(...SPAN_KINDS),
      level: fc.constantFrom(...LEVELS),
      startTime: nanos,
      endTime: nanos,
      input: json,
      output: json,
      metadata: object,
      attributes: object,
      trace: fc.record({ userId: wildText, metadata: object }, { noNullPrototype: true }),
    },
    { requiredKeys: [], noNullPrototype: true },
  )
  .map((part) => sampleSpan(part as Partial<SpanRecord>));
const score = fc
  .record({ id: wildText, name: wildText, value: fc.oneof(wildText, fc.boolean(), fc.integer()), comment: wildText })
  .map((part) => sampleScore(part) as TraceRecord);
const record = fc.oneof({ weight: 4, arbitrary: span }, { weight: 1, arbitrary: score });

test("P5 encode and parse give the record back, on one line", (t) =>
  holds(
    t,
    fc.property(record, (one) => {
      const line = encode(one);
      assert.doesNotMatch(line, /[\n\r]/);
      assert.deepEqual(JSON.parse(line), one);
      assert.equal(isRecord(JSON.parse(line)), true);
    }),
    1_000,
  ));

test("P8 isRecord takes every sample record and refuses everything that lacks what readers rely on", (t) => {
  for (const one of sampleRecords()) assert.equal(isRecord(JSON.parse(encode(one))), true);
  const needed = ["record", "seq", "trace", "name", "startTime", "endTime", "status", "traceId", "spanId", "type"];
  return holds(
    t,
    fc.property(anything, span, fc.constantFrom(...needed), (junk, good, key) => {
      assert.equal(isRecord(junk), false);
      const { [key as "name"]: was, ...rest } = JSON.parse(encode(good));
      assert.equal(isRecord(rest), false);
      if (typeof junk !== typeof was) assert.equal(isRecord({ ...rest, [key]: junk }), false);
    }),
    500,
  );
});

async function readAll(path: string): Promise<{ records: TraceRecord[]; corrupt: CorruptLine[] }> {
  const records: TraceRecord[] = [];
  const corrupt: CorruptLine[] = [];
  for await (const one of readRecords(path, { onCorrupt: (line) => corrupt.push(line) })) records.push(one);
  return { records, corrupt };
}

test("P8 what fileSink writes, in whatever batches and files, readRecords reads", (t) =>
  holds(
    t,
    fc.asyncProperty(
      fc.array(fc.array(record, { maxLength: 5 }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 4_000 }),
      async (batches, maxBytes) => {
        const path = join(dir, `${files++}.ndjson`);
        const sink = fileSink({ path, maxBytes });
        sink.write([sampleSpan()]);
        for (const batch of batches) sink.write(batch);
        sink.close();
        const { records, corrupt } = await readAll(path);
        assert.deepEqual(records, [sampleSpan(), ...batches.flat()]);
        assert.deepEqual(corrupt, []);
      },
    ),
    60,
  ));

const garbage = fc
  .oneof(
    fc.uint8Array({ maxLength: 40 }),
    json.map((value) => Buffer.from(JSON.stringify(value))),
    wildText.map((text) => Buffer.from(text)),
    fc.tuple(record, fc.nat()).map(([one, at]) => Buffer.from(encode(one)).subarray(0, at % encode(one).length)),
    fc.tuple(record, fc.nat()).map(([one, at]) => {
      const bytes = Buffer.from(encode(one));
      bytes[at % bytes.length] = 0;
      return bytes;
    }),
  )
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10)));
const isBlank = (line: Buffer): boolean => line.length === 0 || (line.length === 1 && line[0] === 13);

test("P8 every good line between garbage is read, and exactly the bad ones are counted", (t) =>
  holds(
    t,
    fc.asyncProperty(fc.array(fc.oneof(record, garbage), { maxLength: 12 }), fc.boolean(), async (parts, ended) => {
      const path = join(dir, `${files++}.ndjson`);
      const lines = parts.map((part) => (Buffer.isBuffer(part) ? part : Buffer.from(encode(part as TraceRecord))));
      const bytes = Buffer.concat(lines.flatMap((line) => [line, Buffer.of(10)]));
      writeFileSync(path, ended ? bytes : bytes.subarray(0, -1));
      const { records, corrupt } = await readAll(path);
      assert.deepEqual(
        records,
        parts.filter((part) => !Buffer.isBuffer(part)),
      );
      const bad = parts.flatMap((part, at) => (Buffer.isBuffer(part) && !isBlank(part) ? [at + 1] : []));
      assert.deepEqual(
        corrupt.map(({ line }) => line),
        bad,
      );
    }),
    150,
  ));

test("P8 any bytes are cut into the same lines, in whatever pieces they come", (t) => {
  const some = fc.array(fc.oneof(fc.constant(10), fc.nat(255)), { maxLength: 60 }).map((bytes) => Buffer.from(bytes));
  const linesOf = (pieces: readonly Buffer[], limit: number): Line[] => {
    const splitter = lineSplitter(limit);
    // Each line is copied as it comes: it may share its piece's memory, which is used again.
    const lines = pieces.flatMap((piece) => {
      const found = splitter.push(piece).map((line) => ({ ...line, bytes: line.bytes && Buffer.from(line.bytes) }));
      piece.fill(0);
      return found;
    });
    const last = splitter.end();
    return last === undefined ? lines : [...lines, last];
  };
  return holds(
    t,
    fc.property(some, fc.array(fc.nat(60)), fc.integer({ min: 1, max: 80 }), (bytes, cuts, limit) => {
      const at = [0, ...cuts.filter((cut) => cut <= bytes.length).sort((a, b) => a - b), bytes.length];
      const pieces = at.slice(1).map((end, i) => Buffer.from(bytes.subarray(at[i], end)));
      const lines = linesOf(pieces, limit);
      assert.deepEqual(lines, linesOf([Buffer.from(bytes)], limit));
      const wanted = bytes.toString("latin1").split("\n");
      if (wanted.at(-1) === "") wanted.pop();
      assert.deepEqual(
        lines.map((line) => line.bytes?.toString("latin1")),
        wanted.map((line) => (line.length > limit ? undefined : line)),
      );
      for (const { offset, size, number } of lines) {
        assert.equal(bytes.subarray(offset, offset + size).toString("latin1"), wanted[number - 1]);
      }
    }),
    2_000,
  );
});
