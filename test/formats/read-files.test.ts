import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import * as zlib from "node:zlib";
import type { Reading } from "../../src/collector/api.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import { type ReadFilesOptions, readFiles, type SpanContent } from "../../src/formats/index.ts";
import { fileSink } from "../../src/sinks/file.ts";
import { otlpForm } from "../../src/sinks/otlp/form.ts";
import { otlpFile } from "../../src/sinks/otlp/otlp-file.ts";
import { toProtobuf } from "../../src/sinks/otlp/to-protobuf.ts";
import type { CorruptLine } from "../../src/sinks/read-records.ts";
import { sampleRecords, sampleSpan } from "../../src/testing/sample-records.ts";

const directory = mkdtempSync(join(tmpdir(), "formats-"));
after(() => rmSync(directory, { recursive: true }));

let count = 0;
function file(content: string | Uint8Array, name = `file-${count++}`): string {
  const path = join(directory, name);
  writeFileSync(path, content);
  return path;
}

interface Read {
  readonly records: TraceRecord[];
  readonly contents: SpanContent[];
  readonly reading: Reading;
  readonly damaged: CorruptLine[];
  readonly skipped: string[];
}

async function read(paths: string | readonly string[], options: ReadFilesOptions = {}): Promise<Read> {
  const records: TraceRecord[] = [];
  const contents: SpanContent[] = [];
  const damaged: CorruptLine[] = [];
  const skipped: string[] = [];
  let reading: Reading | undefined;
  const hears = {
    onDamaged: (line: CorruptLine) => damaged.push(line),
    onSkipped: (path: string) => skipped.push(path),
  };
  for await (const batch of readFiles([paths].flat(), { ...hears, ...options })) {
    records.push(...batch.records);
    contents.push(...batch.contents);
    assert.ok(batch.reading.bytes >= (reading?.bytes ?? 0));
    reading = batch.reading;
  }
  assert.equal(reading!.isDone, true);
  assert.deepEqual([reading!.bytes, reading!.records], [reading!.totalBytes, records.length]);
  return { records, contents, reading: reading!, damaged, skipped };
}

const given = sampleRecords();
/** As they are read: JSON has no lone surrogates in UTF-8, and no fields that are undefined. */
const expected: TraceRecord[] = given.map((record) => JSON.parse(JSON.stringify(record)));
const lines = given.map((record) => `${JSON.stringify(record)}\n`).join("");
const form = otlpForm("test", {}, {});
const few = [sampleSpan(), sampleSpan({ spanId: "00f067aa0ba902b8" })];

test("NDJSON as fileSink writes it, with the files that were rotated away before it", async () => {
  const path = join(directory, "rotated.ndjson");
  const sink = fileSink({ path, maxBytes: 1024 ** 2 });
  for (const record of given) sink.write([record]);
  sink.close?.();
  const { records, reading } = await read(path);
  assert.deepEqual(records, expected);
  assert.ok(reading.totalBytes > 1024 ** 2, "the rotated file counts");
  assert.equal(reading.source, path);
});

test("gzip and Zstandard, whatever the file is called", async (t) => {
  assert.deepEqual((await read(file(zlib.gzipSync(lines), "packed.txt"))).records, expected);
  const members = Buffer.concat([zlib.gzipSync(lines.slice(0, 5_000)), zlib.gzipSync(lines.slice(5_000))]);
  assert.deepEqual((await read(file(members))).records, expected);
  let packed: Buffer;
  try {
    packed = execFileSync("zstd", ["-c"], { input: lines, stdio: ["pipe", "pipe", "ignore"] });
  } catch {
    t.diagnostic("Zstandard left out: no zstd here");
    return;
  }
  const path = file(packed);
  if ("createZstdDecompress" in zlib) assert.deepEqual((await read(path)).records, expected);
  else await assert.rejects(read(path), { code: "FORMAT_BAD_COMPRESSION", message: /Node 22\.15/ });
});

test("gzip that is torn gives all that is in it; one that is broken says so, and the next file is read", async () => {
  // Text that does not pack well, so that what is missing is not much.
  const noisy = few.map((span, i) =>
    JSON.stringify({ ...span, input: zlib.gzipSync(lines.slice(i * 1_000)).toString("base64") }),
  );
  const packed = zlib.gzipSync(`${noisy.join("\n")}\n`);
  const torn = await read(file(packed.subarray(0, packed.length - 200)));
  assert.equal(torn.records.length, 1);
  assert.deepEqual(
    torn.damaged.map(({ reason, line }) => [reason, line]),
    [["torn", 2]],
  );

  const broken = Buffer.from(packed);
  broken.fill(0xff, 2_000, 2_100);
  const path = file(broken);
  const { records, reading } = await read([path, file(lines)]);
  assert.equal(records.length, expected.length);
  assert.match(reading.problem!, new RegExp(`^${path} is broken: `));
});

test("damaged lines are left out and told: where, how long, why", async () => {
  const good = JSON.stringify(few[0]);
  const parts = [good, '{"record":"span"', "", good, '{"a":1}', "é{", good.slice(0, 20)];
  const at = (i: number) => Buffer.byteLength(`${parts.slice(0, i).join("\n")}\n`);
  const { records, reading, damaged } = await read(file(parts.join("\r\n").replaceAll("\r", "")));
  assert.equal(records.length, 2);
  assert.equal(reading.damaged, 4);
  assert.deepEqual(
    damaged.map(({ line, offset, size, reason }) => [line, offset, size, reason]),
    [
      [2, at(1), 16, "json"],
      [5, at(4), 7, "record"],
      [6, at(5), 3, "json"],
      [7, at(6), 20, "torn"],
    ],
  );
  const bytes = Buffer.concat([Buffer.from(`${good}\n`), Buffer.from([0xff, 10]), Buffer.from(`${good}\nx\n`)]);
  const other = await read(file(bytes));
  assert.equal(other.records.length, 2);
  assert.deepEqual(
    other.damaged.map(({ line, offset, reason }) => [line, offset, reason]),
    [
      [2, good.length + 1, "utf8"],
      [4, 2 * good.length + 4, "json"],
    ],
  );
  const times = { ...few[0], startTime: "soon" };
  assert.equal((await read(file(`${good}\n${JSON.stringify(times)}\n`))).reading.damaged, 1, "times are no numbers");
});

test("a line at the limit is read, one above is left out, the others are not touched", async () => {
  const limit = 16 * 1024 ** 2;
  const long = (size: number) => {
    const bare = JSON.stringify(sampleSpan({ input: "" }));
    return `${JSON.stringify(sampleSpan({ input: "x".repeat(size - bare.length) }))}\n`;
  };
  const good = `${JSON.stringify(few[0])}\n`;
  const { records, damaged } = await read(file(good + long(limit) + good + long(limit + 1) + good));
  assert.equal(records.length, 4);
  assert.deepEqual(
    damaged.map(({ line, reason, size }) => [line, reason, size]),
    [[4, "too_long", limit + 1]],
  );
  const first = await read(file(long(limit + 10) + good));
  assert.deepEqual([first.records.length, first.reading.damaged], [1, 1]);
});

test("a line that is nested without end is damaged, not the end of the process", async () => {
  const deep = `${JSON.stringify(few[0]).slice(0, -1)},"input":${"[".repeat(20_000)}${"]".repeat(20_000)}}`;
  const { records, damaged } = await read(file(`${deep}\n${JSON.stringify(few[1])}\n`));
  assert.deepEqual([records.length, damaged[0]?.reason], [1, "record"]);
});

test("OTLP as JSON lines, spans and events in files of their own", async () => {
  const path = join(directory, "otlp.jsonl");
  const sink = otlpFile({ path, content: "events" }, {});
  sink.write(
    expected.filter((record) => record.record !== "span" || !record.unfinished),
    new AbortController().signal,
  );
  sink.close?.();
  const traces = await read(path);
  const spans = expected.filter(({ record }) => record === "span");
  assert.equal(traces.records.length, spans.length - 1);
  const logs = await read(join(directory, "otlp.logs.jsonl"));
  assert.deepEqual(
    logs.records.map(({ record }) => record),
    ["score", "score", "score", "finding"],
  );
  assert.ok(logs.contents.length > 0);
});

test("OTLP as one document, as protobuf, as protobuf with lengths; events as protobuf; metrics hold no records", async () => {
  const data = form.traces(few);
  const bytes = toProtobuf("TracesData", data);
  const size = Buffer.alloc(4);
  size.writeUInt32BE(bytes.length);
  for (const content of [
    JSON.stringify(data, null, 2),
    `\ufeff${JSON.stringify(data)}`,
    JSON.stringify([data]),
    bytes,
    Buffer.concat([size, bytes]),
  ]) {
    assert.deepEqual((await read(file(content))).records, few);
  }
  const scores = expected.filter(({ record }) => record === "score");
  assert.deepEqual((await read(file(toProtobuf("LogsData", form.logs(scores))))).records, scores);
  assert.deepEqual((await read(file('{"resourceMetrics":[]}\n'))).records, []);
  await assert.rejects(read(file(bytes.subarray(0, 200), "cut.pb")), {
    code: "FORMAT_BAD_PROTOBUF",
    message: /cut\.pb: This is no OTLP in protobuf: at byte \d+/,
  });
});

test("Langfuse's exports as a list, an object, lines, pretty or not; batches of events line by line", async () => {
  const observation = { id: "a", traceId: "t", type: "SPAN", name: "work", startTime: "2024-11-19T07:06:40Z" };
  for (const content of [
    JSON.stringify([observation]),
    JSON.stringify([observation], null, 2),
    JSON.stringify({ data: [observation] }, null, 1),
    `${JSON.stringify(observation)}\n`,
  ]) {
    assert.deepEqual(
      (await read(file(content))).records.map((record) => record.name),
      ["work"],
    );
  }
  const event = (type: string, body: object) =>
    JSON.stringify({ id: "e", type, timestamp: "2024-11-19T07:06:40Z", body });
  const update = { id: "a", traceId: "t", endTime: "2024-11-19T07:06:41Z" };
  const { records } = await read(file(`${event("span-create", observation)}\n${event("span-update", update)}\n`));
  assert.deepEqual(
    records.map(({ seq }) => seq),
    [0, 1],
  );
});

test("our records as a list, pretty-printed", async () => {
  assert.deepEqual((await read(file(JSON.stringify(given, null, 2)))).records, expected);
});

test("a directory: all that is understood in it, by name; the rest is passed over and told", async () => {
  const folder = join(directory, "folder");
  mkdirSync(join(folder, "sub"), { recursive: true });
  const b = file(`${JSON.stringify(few[1])}\n`, "folder/sub/b.ndjson");
  file(`${JSON.stringify(few[0])}\n`, "folder/a.ndjson");
  const others = [file("# Notes", "folder/notes.md"), file('{\n"name": "x"\n}', "folder/package.json")];
  file("hidden", "folder/.hidden");
  const { records, skipped, reading } = await read(folder);
  assert.deepEqual(records, few);
  assert.deepEqual(skipped, others);
  assert.equal(reading.damaged, 0);
  assert.deepEqual((await read([folder, b])).records, few, "no file comes twice");
});

test("a file of another kind: an error that names it, shows its beginning and says what is understood", async () => {
  const text = file("time,level\n1,info\n", "a.csv");
  await assert.rejects(read(text), {
    code: "FORMAT_UNKNOWN",
    message: `${text} holds nothing that is understood: it begins with "time,level\\n1,info\\n". Understood is: NDJSON as fileSink writes it, OTLP as JSON (a document, or a request a line) or protobuf, exports and batches of Langfuse; each of them plain or compressed by gzip or Zstandard.`,
  });
  await assert.rejects(read(file(Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 1]))), {
    message: /begins with 89 50 4e 47 00 01/,
  });
  await assert.rejects(read(file('{"level":30,"msg":"pino"}\n{"level":30}\n')), { code: "FORMAT_UNKNOWN" });
  await assert.rejects(read(file('{\n  "a": 1,\n}', "broken.json")), {
    code: "FORMAT_BAD_JSON",
    message: /broken\.json is no JSON from byte \d+/,
  });
  await assert.rejects(read(join(directory, "none")), { code: "ENOENT" });
  for (const nothing of ["", " \n\n", "[]", "{}"]) assert.deepEqual((await read(file(nothing))).records, []);
});

test("whoever leaves early leaves no file open", async () => {
  const path = file(lines.repeat(3));
  for await (const { records } of readFiles([path])) if (records.length > 0) break;
});
