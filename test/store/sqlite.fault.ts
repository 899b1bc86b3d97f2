import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { hasSqlite, openDriver } from "../../src/store/sqlite/driver.ts";
import { sqliteStore } from "../../src/store/sqlite/sqlite-store.ts";
import { StoreError } from "../../src/store/store-error.ts";
import type { TraceStore } from "../../src/store/trace-store.ts";
import { TINY_DISKS } from "../fault/lab/tiny-disk.ts";
import { BATCH_SPANS, batch, traceIdOf } from "./support/sqlite-batches.ts";

const MIB = 1024 * 1024;
const skip = hasSqlite() ? false : "neither node:sqlite nor @photostructure/sqlite is here";

function temporaryDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), "sightline-sqlite-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

interface Writing {
  readonly child: ChildProcess;
  /** The batches that were acknowledged, and whatever else it wrote; when it has ended. */
  readonly ended: Promise<{ readonly lines: readonly string[]; readonly code: number | null; readonly stderr: string }>;
}

function startWriting(options: {
  path: string;
  name: string;
  first: number;
  batches: number;
  isIdle?: boolean;
}): Writing {
  const script = fileURLToPath(new URL("./sqlite-child.ts", import.meta.url));
  const { NODE_OPTIONS: _, NODE_TEST_CONTEXT: __, ...env } = process.env;
  const args = ["--conditions=@sightline/source", "--import", "tsx", script, JSON.stringify(options)];
  const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let stderr = "";
  child.stdout!.on("data", (data) => (out += data));
  child.stderr!.on("data", (data) => (stderr += data));
  const ended = once(child, "close").then(([code]) => ({ lines: out.split("\n").slice(0, -1), code, stderr }));
  return { child, ended };
}

/** Each of the traces is there in every way of asking. */
async function assertWhole(store: TraceStore, name: string, numbers: readonly number[]): Promise<void> {
  for (const n of numbers) {
    const traceId = traceIdOf(name, n);
    const wanted = batch(name, n);
    assert.equal((await store.trace(traceId))?.summary.spans, BATCH_SPANS, `${name} ${n}`);
    assert.equal((await store.spans(traceId)).items.length, BATCH_SPANS);
    assert.deepEqual(await store.span(traceId, wanted[7]!.spanId), JSON.parse(JSON.stringify(wanted[7])));
  }
  const last = numbers.at(-1);
  if (last === undefined) return;
  const found = await store.traces({ text: `batch${last} ${name}` });
  assert.deepEqual(
    found.items.map(({ traceId }) => traceId),
    [traceIdOf(name, last)],
  );
}

/** Sums and lists tell of the same spans. */
async function assertConsistent(store: TraceStore, path: string): Promise<void> {
  const { spans, traces } = await store.stats();
  const [all] = await store.aggregate({ of: "spans" });
  const [counted] = await store.aggregate({ of: "spans", percentiles: true });
  assert.deepEqual([all?.count ?? 0, counted?.count ?? 0, traces * BATCH_SPANS], [spans, spans, spans]);
  const users = await store.values({ field: "userId" });
  assert.equal(
    users.reduce((sum, { traces }) => sum + traces, 0),
    traces,
  );
  const db = openDriver(path, { readOnly: true });
  assert.deepEqual({ ...db.prepare("PRAGMA integrity_check").get() }, { integrity_check: "ok" });
  db.close();
}

test("kill -9 while it appends, 20 times: nothing that was acknowledged is lost, nothing is half there", {
  skip,
}, async (t) => {
  const path = join(temporaryDirectory(t), "traces.db");
  const acknowledged: number[] = [];
  for (let run = 0; run < 20; run++) {
    const { child, ended } = startWriting({ path, name: "kill", first: run * 10_000, batches: 10_000 });
    child.stdout!.once("data", () => setTimeout(() => child.kill("SIGKILL"), 10 + run * 13));
    const { lines, stderr } = await ended;
    assert.equal(child.signalCode, "SIGKILL", stderr);
    acknowledged.push(...lines.map(Number));
    const store = sqliteStore({ path, thread: false });
    await assertWhole(store, "kill", lines.map(Number));
    await store.close();
  }
  const store = sqliteStore({ path, thread: false });
  t.after(() => store.close());
  await assertWhole(store, "kill", acknowledged);
  await assertConsistent(store, path);
  t.diagnostic(`figure: ${acknowledged.length * BATCH_SPANS} spans acknowledged before 20 kills, 0 lost`);
});

test("two processes write and a third reads, all at once", { skip }, async (t) => {
  const path = join(temporaryDirectory(t), "traces.db");
  const batches = 40;
  const writers = ["one", "two"].map((name) => startWriting({ path, name, first: 0, batches }));
  // The same as the first of them: what comes from two counts once.
  writers.push(startWriting({ path, name: "one", first: 0, batches }));
  const store = sqliteStore({ path });
  t.after(() => store.close());
  const ends = Promise.all(writers.map(({ ended }) => ended));
  let isDone = false;
  const revisions = new Set<string>();
  const reading = (async () => {
    while (!isDone) {
      revisions.add(await store.revision());
      const { items } = await store.traces({ limit: 500 });
      for (const { spans } of items) assert.equal(spans, BATCH_SPANS, "a trace is there in whole");
    }
  })();
  for (const { code, lines, stderr } of await ends) {
    assert.equal(code, 0, stderr);
    assert.equal(lines.length, batches);
  }
  isDone = true;
  await reading;
  assert.ok(revisions.size > 2, "the reader has seen others write");
  const numbers = Array.from({ length: batches }, (_, n) => n);
  await assertWhole(store, "one", numbers);
  await assertWhole(store, "two", numbers);
  assert.equal((await store.stats()).spans, 2 * batches * BATCH_SPANS);
  await assertConsistent(store, path);
});

test("a process that leaves its store open ends by itself", { skip }, async (t) => {
  const path = join(temporaryDirectory(t), "traces.db");
  const { ended } = startWriting({ path, name: "idle", first: 0, batches: 1, isIdle: true });
  const { code, lines, stderr } = await ended;
  assert.deepEqual([code, lines], [0, ["0", "1 listed"]], stderr);
});

test("a thread that dies refuses what it was asked, and the next call has another", { skip }, async (t) => {
  const path = join(temporaryDirectory(t), "traces.db");
  const store = sqliteStore({ path });
  t.after(() => store.close());
  await store.append(batch("crash", 0));
  const { postMessage } = Worker.prototype;
  t.after(() => (Worker.prototype.postMessage = postMessage));
  Worker.prototype.postMessage = function (this: Worker, ...args: Parameters<typeof postMessage>) {
    void this.terminate();
    return postMessage.apply(this, args);
  };
  const isUnavailable = (error: unknown) =>
    error instanceof StoreError && error.code === "STORE_UNAVAILABLE" && error.retryAfterMs !== undefined;
  await assert.rejects(store.append(batch("crash", 1)), isUnavailable);
  await assert.rejects(store.traces(), isUnavailable);
  Worker.prototype.postMessage = postMessage;
  await store.append(batch("crash", 1));
  assert.equal((await store.traces()).items.length, 2);
  await assertWhole(store, "crash", [0, 1]);
});

/** A disk with room for some of the store's batches. */
interface SmallDisk {
  readonly path: string;
  /** Called after each batch. */
  narrow(): void;
  /** There is much more room. */
  free(): void;
}

const SMALL_DISKS: { readonly how: string; make(t: TestContext): SmallDisk }[] = TINY_DISKS.map(({ how }) =>
  how === "RLIMIT_FSIZE" ? { how: "files of 6 MiB", make: smallFiles } : { how: "tmpfs", make: smallTmpfs },
);

/** There is no room for the store's log, before any of it is in the file. */
function smallFiles(t: TestContext): SmallDisk {
  const limit = (bytes: string) => execFileSync("prlimit", [`--pid=${process.pid}`, `--fsize=${bytes}:`]);
  const free = () => void limit("unlimited");
  const path = join(temporaryDirectory(t), "traces.db");
  t.after(free);
  limit(String(6 * MIB));
  return { path, narrow: () => {}, free };
}

/** The log has been written into the file once; there is no room to do so again. */
function smallTmpfs(t: TestContext): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), "sightline-tmpfs-"));
  const mount = (options: string) => execFileSync("mount", ["-t", "tmpfs", "-o", options, "sightline", directory]);
  mount("size=200m");
  t.after(() => {
    execFileSync("umount", ["--lazy", directory]);
    rmSync(directory, { recursive: true });
  });
  const path = join(directory, "traces.db");
  let isNarrow = false;
  return {
    path,
    narrow() {
      if (isNarrow || statSync(path).size < MIB) return;
      isNarrow = true;
      const { blocks, bfree, bsize } = statfsSync(directory);
      mount(`remount,size=${(blocks - bfree) * bsize + MIB / 4}`);
    },
    free: () => void mount("remount,size=200m"),
  };
}

for (const { how, make } of SMALL_DISKS) {
  test(`a disk that fills up (${how}) is STORE_FULL, nothing of it is acknowledged, and it goes on when there is room`, {
    skip,
  }, async (t) => {
    const disk = make(t);
    const store = sqliteStore({ path: disk.path, thread: false });
    t.after(() => store.close());
    const fill = async (from: number, to: number) => {
      for (let n = from; n < to; n++) {
        const failed: unknown = await store.append(batch("full", n)).then(
          () => undefined,
          (error) => error,
        );
        if (failed !== undefined) return { n, failed };
        disk.narrow();
      }
      return { n: to, failed: undefined };
    };
    const { n: kept, failed } = await fill(0, 5_000);
    t.diagnostic(`figure: ${kept} batches before the disk was full`);
    assert.ok(kept > 20, "it has taken some");
    assert.ok(failed instanceof StoreError, String(failed));
    assert.equal(failed.code, "STORE_FULL", failed.message);
    assert.ok(failed.retryAfterMs! > 0);
    await assert.rejects(store.append(batch("full", kept)), { code: "STORE_FULL" });
    const numbers = Array.from({ length: kept }, (_, n) => n);
    assert.equal((await store.stats()).traces, kept, "what was acknowledged, and nothing else");
    await assertWhole(store, "full", numbers);

    disk.free();
    assert.deepEqual(await fill(kept, kept + 100), { n: kept + 100, failed: undefined });
    await assertWhole(store, "full", [...numbers, kept, kept + 99]);
    await assertConsistent(store, disk.path);
  });
}
if (SMALL_DISKS.length === 0) test("a disk that fills up", (t) => t.skip("neither mount nor prlimit works here"));
