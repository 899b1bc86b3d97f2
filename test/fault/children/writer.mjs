/**
 * Ends spans as fast as it can until it dies, and says which of them were acknowledged: one line of names for each write
 * that has returned. `durability: "record"` acknowledges as `span.end()` returns.
 *
 * A span is named `life.number:length`, after the life of this program, its own number and the length of its input, so
 * that a reader can tell a damaged one.
 */
import { appendFileSync, writeSync } from "node:fs";
import { configure, fileSink, spool, startSpan } from "sightline";

const { path, dir, durability, seed, death, isHeavy, life = 0, maxBytes } = JSON.parse(process.argv[2]);
/** Deaths of one's own come after so many. */
const RECORDS = 2_000;

let state = seed;
function random(below) {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
}

let acknowledged = 0;
function acknowledge(names) {
  writeSync(1, `${names.join(" ")}\n`);
  acknowledged += names.length;
}

/** Slow, at times down, and it remembers in a file what it has taken, as a database would. */
const server = {
  name: "server",
  async write(batch) {
    await new Promise((resolve) => setTimeout(resolve, random(10)));
    if (random(20) === 0) throw new Error("503");
    appendFileSync(path, batch.map((record) => `${record.name}\n`).join(""));
    if (death === "checkpoint" && acknowledged >= RECORDS) process.kill(process.pid, "SIGKILL");
  },
};

const inner = dir
  ? spool(server, { dir, durability, delivery: { batchRecords: 100, batchMs: 5 }, segmentBytes: 500_000 })
  : fileSink({ path, durability, maxBytes });
const acknowledging = {
  ...inner,
  write(batch, signal) {
    inner.write(batch, signal);
    acknowledge(batch.map((record) => record.name));
  },
};
configure({ sinks: [durability === "record" ? inner : acknowledging], delivery: { batchMs: 10 } });

const DEATHS = {
  abort: () => process.abort(),
  oom() {
    const hoard = [];
    while (true) hoard.push(new Array(100_000).fill(hoard.length));
  },
  throw() {
    throw new Error("uncaught");
  },
  exit: () => process.exit(0),
};

let made = 0;
function turn() {
  for (let left = 1 + random(30); left > 0; left--) {
    const length = random(isHeavy ? 2 : 20) === 0 ? random(60_000) : random(600);
    const name = `${life}.${made++}:${length}`;
    startSpan(name, { input: "x".repeat(length) }).end();
    if (durability === "record") acknowledge([name]);
  }
  if (acknowledged >= RECORDS) DEATHS[death]?.();
  setImmediate(turn);
}
turn();
