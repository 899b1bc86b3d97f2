/** Random sequences of all that can happen to a spool, against a model that only knows what was acknowledged. */
import assert from "node:assert/strict";
import fs, {
  closeSync,
  cpSync,
  existsSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  truncateSync,
  utimesSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fakeClock } from "../../src/testing/fake-clock.ts";
import { crash, isDown, owners, place, segments, spans, type Target, target, type Watched, watched } from "./rig.ts";

const SEQUENCES = Number(process.env["SEQUENCES"] ?? 200);
const SEED = Number(process.env["SEED"] ?? 20_261_121);

/** Without a real disk under them, hundreds of syncs cost nothing. */
const memory = existsSync("/dev/shm") ? "/dev/shm" : undefined;

/** mulberry32 */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Everything that was acknowledged, less what somebody has damaged on disk: that must arrive, and nothing that was never written. */
class Model {
  /** The JSON of each record by its id. */
  readonly written = new Map<string, string>();
  readonly acknowledged = new Set<string>();
  readonly arrived: string[] = [];

  damaged(text: string): void {
    for (const [, id] of text.matchAll(/"spanId":"([^"]+)"/g)) this.acknowledged.delete(id!);
  }

  check(): void {
    const arrived = new Set(this.arrived);
    const missing = [...this.acknowledged].filter((id) => !arrived.has(id));
    const invented = [...arrived].filter((id) => !this.written.has(id));
    assert.deepEqual({ missing, invented }, { missing: [], invented: [] });
  }
}

interface Live extends Watched {
  readonly inner: Target;
  /** What `arrived` already has of `inner.ids`. */
  seen: number;
  /** Some of its records are in another owner's books. */
  isRobbed: boolean;
}

async function play(t: TestContext, seed: number, counts: Record<string, number>): Promise<Model> {
  const random = seeded(seed);
  const below = (n: number) => Math.floor(random() * n);
  const model = new Model();
  const clock = fakeClock();
  const disk = { isFull: false, isShort: false };
  let isUp = random() < 0.5;
  let dir = place(t, memory);
  const made = [dir];
  let next = 0;
  let live = open();

  function open(): Live {
    const inner = target((batch) => {
      if (!isUp) isDown();
      for (const record of batch) assert.equal(JSON.stringify(record), model.written.get(record.spanId!), "as written");
    });
    const opened = watched(inner, { dir, clock, segmentBytes: 1_500 + below(6_000), random });
    opened.sink.open!();
    return { ...opened, inner, seen: 0, isRobbed: false };
  }

  function harvest(): void {
    model.arrived.push(...live.inner.ids.slice(live.seen));
    live.seen = live.inner.ids.length;
  }

  async function deliver(): Promise<void> {
    clock.advance(61_000);
    const error = await Promise.resolve(live.sink.flush!()).then(
      () => undefined,
      (problem: Error) => problem,
    );
    harvest();
    if (isUp) assert.equal(error, undefined);
    const { written, spooled } = live.books();
    if (!live.isRobbed) assert.equal(written, live.inner.ids.length, "what the books call written has arrived");
    if (isUp) assert.equal(spooled, 0);
  }

  async function append(): Promise<void> {
    const batch = spans(1 + below(6), `${next++}-`, "x".repeat(below(400)));
    for (const record of batch) model.written.set(record.spanId!, JSON.stringify(record));
    try {
      await live.write(batch);
      for (const { spanId } of batch) model.acknowledged.add(spanId!);
    } catch {
      // Full and down: the lane in front keeps it.
    }
    live.books();
  }

  /** Returns what the dead process left, to be damaged before the next one opens it. */
  async function end(): Promise<string[]> {
    harvest();
    const old = live;
    const copy = crash(dir);
    made.push(copy);
    await old.sink.close!();
    dir = copy;
    return owners(dir).flatMap(segments);
  }

  const actions: Record<string, () => Promise<void> | void> = {
    append,
    append2: append,
    append3: append,
    deliver,
    up: () => void (isUp = true),
    down: () => void (isUp = false),
    full: () => void Object.assign(disk, { isFull: random() < 0.5, isShort: random() < 0.5 }),
    async reopen() {
      await live.sink.close!();
      harvest();
      live.books();
      live = open();
    },
    async crash() {
      await end();
      live = open();
    },
    async tear() {
      const [path] = (await end()).slice(-1);
      if (path !== undefined) {
        const text = readFileSync(path, "latin1");
        const at = below(text.length + 1);
        model.damaged(text.slice(text.lastIndexOf("\n", at - 1) + 1));
        truncateSync(path, at);
      }
      live = open();
    },
    async flip() {
      const paths = await end();
      const path = paths[below(paths.length)];
      const text = path === undefined ? "" : readFileSync(path, "latin1");
      if (text !== "") {
        const at = below(text.length);
        model.damaged(
          text.slice(text.lastIndexOf("\n", at - 1) + 1, (text.indexOf("\n", at) + 1 || text.length + 1) - 1),
        );
        const fd = openSync(path!, "r+");
        writeSync(fd, Buffer.of(text.charCodeAt(at) ^ (1 + below(255))), 0, 1, at);
        closeSync(fd);
      }
      live = open();
    },
    /** Another host takes what is alive for dead, and dies itself. */
    rob() {
      for (const owner of owners(dir)) {
        const born = owner.split("-").at(-1)!;
        const theirs = join(dirname(owner), ["elsewhere", 1, 1, next++, born].join("-"));
        renameSync(owner, theirs);
        utimesSync(theirs, 1, 1);
        live.isRobbed = true;
      }
    },
    async copy() {
      const paths = await end();
      // A restored backup: everything twice.
      if (paths[0] !== undefined) cpSync(paths[0], paths.at(-1)!.replace(/\d{10}\.log$/, "0000009999.log"));
      live = open();
    },
    async checkpoint() {
      await end();
      for (const owner of owners(dir)) fs.writeFileSync(join(owner, "checkpoint"), String(random()));
      live = open();
    },
  };

  const names = Object.keys(actions);
  const real = fs.writeSync;
  const mocked = t.mock.method(
    fs,
    "writeSync",
    (fd: number, bytes: Buffer, from: number, ...rest: [number, number]) => {
      if (!disk.isFull || rest.length > 0) return real(fd, bytes, from, ...rest);
      if (disk.isShort && from === 0) return real(fd, bytes, 0, Math.ceil(bytes.length / 2));
      throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    },
  );
  const played: string[] = [];
  try {
    for (let i = 0; i < 12; i++) {
      const name = names[below(names.length)]!;
      played.push(name);
      counts[name] = (counts[name] ?? 0) + 1;
      await actions[name]!();
    }
    isUp = true;
    disk.isFull = false;
    await deliver();
    await live.sink.close!();
    harvest();
    live = open();
    await deliver();
    await live.sink.close!();
    model.check();
    assert.deepEqual(owners(dir), [], "nothing is left on disk");
  } catch (error) {
    throw new Error(`SEED=${seed} (${played.join(" ")}): ${(error as Error).stack}`);
  } finally {
    mocked.mock.restore();
    for (const path of made) rmSync(path, { recursive: true, force: true });
  }
  return model;
}

test("P7 random sequences of append, crash, tear, flip, fill, fail, rob, reopen and deliver against a model", async (t) => {
  const counts: Record<string, number> = {};
  let written = 0;
  let due = 0;
  let twice = 0;
  for (let i = 0; i < SEQUENCES; i++) {
    const model = await play(t, SEED + i, counts);
    written += model.written.size;
    due += model.acknowledged.size;
    twice += model.arrived.length - new Set(model.arrived).size;
  }
  for (const name of ["append", "crash", "tear", "flip", "full", "rob", "reopen", "deliver"])
    assert.ok(counts[name]! > 0 || SEQUENCES < 50, name);
  t.diagnostic(
    `figure: ${SEQUENCES} sequences from SEED=${SEED}, ${written} records, ${due} acknowledged and undamaged, 0 lost, ${twice} duplicates`,
  );
});
