import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import { ConfigError, SinkError } from "../../src/core/errors.ts";
import { httpSink } from "../../src/sinks/http.ts";
import { memorySink } from "../../src/sinks/memory.ts";
import { spool } from "../../src/spool/spool.ts";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { sampleRecords } from "../../src/testing/sample-records.ts";
import { sinkContract } from "../../src/testing/sink-contract.ts";
import {
  cleanUp,
  crash,
  isDown,
  owners,
  place,
  replay,
  segments,
  signal,
  span,
  spans,
  target,
  watched,
} from "./rig.ts";

sinkContract(() => spool(memorySink(), { dir: place({ after }) }));

test("P7 the straight line: written, on disk, delivered, forgotten", async (t) => {
  const dir = place(t);
  const inner = target();
  const { sink, write, books } = watched(inner, { dir });
  assert.equal(sink.name, "spool(target)");
  assert.equal(existsSync(dir), false, "nothing touches the disk before the first write");
  await write(spans(3));
  assert.deepEqual(inner.ids, [], "nothing is delivered in the caller's turn");
  const [owner] = owners(dir);
  const lines = readFileSync(segments(owner!)[0]!, "latin1").trimEnd().split("\n");
  assert.match(lines[0]!, /^[0-9a-f]{8} [0-9a-f]{8} \{.*\}$/);
  assert.equal(lines.length, 3);
  assert.deepEqual(books(), { taken: 3, replayed: 0, written: 0, spooled: 3, dropped: {} });
  await sink.flush!();
  assert.deepEqual(inner.ids, ["s0", "s1", "s2"]);
  assert.deepEqual(books(), { taken: 3, replayed: 0, written: 3, spooled: 0, dropped: {} });
  await sink.close!();
  assert.deepEqual(owners(dir), [], "an owner with nothing left leaves nothing");
});

test("P7 what comes back from disk is what went in, for records of every kind", async (t) => {
  const inner = memorySink();
  const sink = spool(inner, { dir: place(t) });
  await sink.write(sampleRecords(), signal);
  await sink.flush!();
  await sink.close!();
  assert.deepEqual(
    inner.all.map((record) => JSON.stringify(record)),
    sampleRecords().map((record) => JSON.stringify(record)),
  );
});

test("P7 restart over HTTP: the server is down, the process ends, the next one delivers", async (t) => {
  const dir = place(t);
  const received: string[] = [];
  let isUp = false;
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const text = request.headers["content-encoding"] === "gzip" ? gunzipSync(body) : body;
    if (isUp) for (const line of text.toString().trimEnd().split("\n")) received.push(JSON.parse(line).spanId);
    response.writeHead(isUp ? 200 : 503, isUp ? {} : { "retry-after": "60" }).end();
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/records`;
  const make = () => watched(httpSink({ url, name: "collector" }), { dir });

  const first = make();
  await first.write(spans(600));
  await assert.rejects(async () => first.sink.flush!(), /600 records wait on disk: sink "collector": answered 503/);
  await first.sink.close!();
  assert.deepEqual(first.books(), { taken: 600, replayed: 0, written: 0, spooled: 600, dropped: {} });

  isUp = true;
  const second = make();
  second.sink.open!();
  await second.sink.flush!();
  assert.deepEqual(second.books(), { taken: 0, replayed: 600, written: 600, spooled: 0, dropped: {} });
  await second.sink.close!();
  assert.deepEqual(
    received,
    [...Array(600).keys()].map((i) => `s${i}`),
  );
  t.diagnostic("figure: 600 records through a server that was down, 0 lost, 0 duplicates, in order");
});

test("P7 server down, then up: one process delivers by itself", async (t) => {
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const { sink, write, books } = watched(inner, { dir: place(t), clock });
  cleanUp(t, sink);
  await write(spans(10));
  await assert.rejects(async () => sink.flush!(), /10 records wait on disk: connection refused/);
  isUp = true;
  clock.advance(61_000);
  await write(spans(5, "late"));
  await sink.flush!();
  assert.equal(inner.ids.length, 15);
  assert.equal(inner.ids[0], "s0", "in order");
  assert.deepEqual(books().dropped, {});
});

test("P7 a crash between send and checkpoint: duplicates, no losses", async (t) => {
  const dir = place(t);
  let copy = "";
  const inner = target(() => {
    // The sink has taken the batch, and the process dies before it hears of that.
    copy ||= crash(dir);
  });
  const { sink, write } = watched(inner, { dir });
  await write(spans(20));
  await sink.flush!();
  await sink.close!();
  const { ids, books } = await replay(copy);
  assert.deepEqual(ids, inner.ids, "all come again, with the ids that they had");
  assert.deepEqual(books, { taken: 0, replayed: 20, written: 20, spooled: 0, dropped: {} });
});

test("P14 replay twice: the second finds nothing", async (t) => {
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir });
  await write(spans(7));
  await sink.close!();
  assert.equal((await replay(dir)).ids.length, 7);
  assert.equal((await replay(dir)).ids.length, 0);
});

test("P7 what was delivered before the crash does not come again", async (t) => {
  const dir = place(t);
  const inner = target();
  const { sink, write } = watched(inner, { dir });
  await write(spans(10));
  await sink.flush!();
  await write(spans(4, "late"));
  const { ids } = await replay(crash(dir));
  await sink.close!();
  assert.deepEqual(ids, ["late0", "late1", "late2", "late3"]);
});

test("P7 outlives many segments, and deletes each as it is delivered", async (t) => {
  const dir = place(t);
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const { sink, write, books } = watched(inner, { dir, segmentBytes: 4_096, clock });
  for (let i = 0; i < 40; i++) await write(spans(4, `b${i}-`, "x".repeat(500)));
  assert.ok(segments(owners(dir)[0]!).length > 20, "segments roll over");
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  assert.equal(segments(owners(dir)[0]!).length, 1, "only the one that is written to is left");
  assert.equal(new Set(inner.ids).size, 160);
  assert.deepEqual(books(), { taken: 160, replayed: 0, written: 160, spooled: 0, dropped: {} });
  await sink.close!();
  assert.deepEqual(owners(dir), []);
});

test("P12 a poison record is dropped and counted, and blocks neither the rest nor the next start", async (t) => {
  const dir = place(t);
  const inner = target((batch) => {
    if (batch.some((record) => record.spanId === "s3")) throw new SinkError("answered 400", { retry: "split" });
  });
  const { sink, write, books } = watched(inner, { dir });
  await write(spans(8));
  await sink.flush!();
  await sink.close!();
  assert.deepEqual([...inner.ids].sort(), ["s0", "s1", "s2", "s4", "s5", "s6", "s7"]);
  const { written, spooled, dropped } = books();
  assert.deepEqual({ written, spooled, lost: Object.values(dropped) }, { written: 7, spooled: 0, lost: [1] });
  assert.deepEqual((await replay(dir)).ids, []);
});

test("P22 what the sink rejects of a batch is counted as dropped", async (t) => {
  const inner = target((batch) => ({
    rejected: batch.slice(0, 2).map(({ spanId }) => ({ spanId: spanId!, reason: "no" })),
  }));
  const { sink, write, books } = watched(inner, { dir: place(t) });
  cleanUp(t, sink);
  await write(spans(5));
  await sink.flush!();
  assert.deepEqual(books(), { taken: 5, replayed: 0, written: 3, spooled: 0, dropped: { rejected_by_sink: 2 } });
});

test("P3 the disk is bounded: the oldest segment goes, and its records are counted", async (t) => {
  const dir = place(t);
  const maxBytes = 64 * 1024;
  const clock = fakeClock();
  let isUp = false;
  const inner = target(() => (isUp ? undefined : isDown()));
  const { sink, write, books } = watched(inner, { dir, maxBytes, clock });
  let most = 0;
  for (let i = 0; i < 100; i++) {
    await write(spans(4, `b${i}-`, "x".repeat(500)));
    most = Math.max(
      most,
      segments(owners(dir)[0]!).reduce((sum, path) => sum + statSync(path).size, 0),
    );
    books();
  }
  assert.ok(most <= maxBytes, `${most} bytes`);
  const { dropped, spooled } = books();
  assert.equal(spooled + dropped["spool_full"]!, 400);
  assert.ok(spooled > 40, "a quarter of the bound goes at a time, not all");
  isUp = true;
  clock.advance(61_000);
  await sink.flush!();
  await sink.close!();
  assert.equal(new Set(inner.ids).size, spooled);
  assert.equal(inner.ids.at(-1), "b99-3", "the newest are kept");
  assert.equal(books().written, spooled);
  t.diagnostic(
    `figure: 400 records against ${maxBytes / 1024} KiB: at most ${Math.ceil(most / 1024)} KiB on disk, ${dropped["spool_full"]} counted as spool_full`,
  );
});

test("P22 a record that can never fit is counted as too large", async (t) => {
  const inner = target();
  const { sink, write, books } = watched(inner, { dir: place(t), maxBytes: 64 * 1024 });
  cleanUp(t, sink);
  await write([span("a"), span("giant", "x".repeat(70_000)), span("b")]);
  await sink.flush!();
  assert.deepEqual(inner.ids, ["a", "b"]);
  assert.deepEqual(books(), { taken: 3, replayed: 0, written: 2, spooled: 0, dropped: { too_large: 1 } });
});

test("P22 a batch that is larger than the spool loses its oldest records", async (t) => {
  const inner = target();
  const { sink, write, books } = watched(inner, { dir: place(t), maxBytes: 64 * 1024 });
  cleanUp(t, sink);
  await write(spans(100, "s", "x".repeat(1_000)));
  await sink.flush!();
  const { written, dropped } = books();
  assert.equal(written + dropped["spool_full"]!, 100);
  assert.equal(inner.ids.at(-1), "s99");
});

test("P11 close delivers what is in flight by writeSync and leaves the rest", async (t) => {
  const dir = place(t);
  const direct: string[] = [];
  let isAsked = false;
  const hang = (): Promise<void> => {
    isAsked = true;
    return new Promise(() => {});
  };
  const inner = {
    ...target(hang),
    writeSync: (batch: readonly { spanId?: string }[]) => void direct.push(...batch.map(({ spanId }) => spanId!)),
  };
  const { sink, write, books } = watched(inner, { dir });
  await write(spans(3));
  while (!isAsked) await new Promise((resolve) => setImmediate(resolve));
  await sink.close!();
  assert.deepEqual(direct, ["s0", "s1", "s2"]);
  assert.deepEqual(books(), { taken: 3, replayed: 0, written: 3, spooled: 0, dropped: {} });
  assert.deepEqual((await replay(dir)).ids, []);
});

test("P7 durability: record asks the lane for writeSync, and policies of the inner sink stay in front of the disk", (t) => {
  const prepare = (record: any) => record;
  const inner = { ...target(), policy: { prepare } };
  assert.deepEqual(spool(inner, { dir: place(t) }).policy, { prepare });
  assert.deepEqual(spool(inner, { dir: place(t), durability: "record" }).policy, { prepare, durability: "record" });
  assert.equal(spool(target(), { dir: place(t) }).policy, undefined);
});

test("P19 files for our eyes only, and out of version control", async (t) => {
  const dir = place(t);
  const { sink, write } = watched(target(isDown), { dir });
  cleanUp(t, sink);
  await write(spans(1));
  const [owner] = owners(dir);
  const modes = [dir, dirname(owner!), owner!, segments(owner!)[0]!].map((path) => statSync(path).mode & 0o777);
  assert.deepEqual(modes, [0o700, 0o700, 0o700, 0o600]);
  assert.equal(readFileSync(join(dir, ".gitignore"), "utf8"), "*\n");
});

test("P2 a directory or option that makes no sense is refused at once", (t) => {
  const dir = place(t);
  mkdirSync(dir);
  writeFileSync(join(dir, "file"), "");
  const refuse = (options: object, message: RegExp) =>
    assert.throws(
      () => spool(target(), options as any),
      (error) => error instanceof ConfigError && message.test(error.message),
    );
  assert.throws(() => spool(undefined as any, { dir }), ConfigError);
  assert.throws(() => spool({ dir } as any, undefined as any), ConfigError);
  refuse({}, /dir must name a directory/);
  refuse({ dir: "a\0b" }, /dir must name a directory/);
  refuse({ dir: join(dir, "file") }, /is no directory/);
  refuse({ dir: join(dir, "file", "below") }, /lies below a file/);
  refuse({ dir, maxbytes: 1 }, /no option "maxbytes"/);
  refuse({ dir, maxBytes: 1_000 }, /at least 65,536/);
  refuse({ dir, syncMs: 0 }, /syncMs must be a number above zero/);
  refuse({ dir, durability: "none" }, /durability must be/);
  refuse({ dir, delivery: { batchRecords: 0 } }, /batchRecords must be a number above zero/);
  refuse({ dir, delivery: { queueRecords: 1 } }, /no option "queueRecords"/);
});

test("P19 a link in a place where everybody may write is refused, also when it comes later", async (t) => {
  const root = place(t);
  mkdirSync(root);
  const open = join(root, "open");
  mkdirSync(open);
  const { chmodSync } = await import("node:fs");
  chmodSync(open, 0o777);
  mkdirSync(join(root, "elsewhere"));
  symlinkSync(join(root, "elsewhere"), join(open, "early"));
  assert.throws(() => spool(target(), { dir: join(open, "early") }), /symbolic link/);
  const inner = target();
  const { sink, write } = watched(inner, { dir: join(open, "late") });
  cleanUp(t, sink);
  symlinkSync(join(root, "elsewhere"), join(open, "late"));
  await write(spans(1));
  assert.deepEqual(inner.ids, ["s0"], "delivered directly");
  assert.deepEqual(
    readdirSync(join(root, "elsewhere")).filter((name) => name !== "target"),
    [],
  );
  assert.match(sink.stats!().lastError!, /symbolic link/);
});

test("sinks with names that only differ in what a file name cannot hold have places of their own", async (t) => {
  const dir = place(t);
  for (const name of ["http:a", "http_a", "..", "http/a"]) {
    const sink = spool(target(isDown, name), { dir });
    await sink.write(spans(1, name), signal);
    await sink.close!();
  }
  assert.equal(readdirSync(dir).filter((name) => name !== ".gitignore").length, 4);
  const { ids } = await replay(
    dir,
    target(() => {}, "http:a"),
  );
  assert.deepEqual(ids, ["http:a0"]);
});

test("P15 a clock that throws or talks nonsense stops nothing", async (t) => {
  const fail = () => {
    throw new Error("no time");
  };
  for (const time of [fail, () => Number.NaN]) {
    const inner = target();
    const { sink, write } = watched(inner, { dir: place(t), clock: { epochMs: time, monotonicMs: time } });
    await write(spans(3));
    await sink.flush!();
    await sink.close!();
    assert.equal(inner.ids.length, 3);
  }
});

test("P15 the wall clock goes back an hour: nothing of ours looks dead, and what we leave is found", async (t) => {
  const dir = place(t);
  const clock = fakeClock(Date.now());
  const { sink, write } = watched(target(isDown), { dir, clock });
  await write(spans(3));
  clock.jump(-3_600_000);
  await write(spans(3, "later"));
  assert.deepEqual((await replay(dir, target(), { clock })).ids, []);
  await sink.close!();
  assert.equal((await replay(dir, target(), { clock })).ids.length, 6);
});
