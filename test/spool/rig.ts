/** What the spool tests share: a place on disk, a sink that can fail, a crash, and the books. */
import assert from "node:assert/strict";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { SinkError } from "../../src/core/errors.ts";
import type { TraceRecord } from "../../src/core/record.ts";
import type { Sink, WriteResult } from "../../src/sinks/sink.ts";
import type { SpoolOptions } from "../../src/spool/options.ts";
import { spool } from "../../src/spool/spool.ts";
import { sampleSpan } from "../../src/testing/sample-records.ts";

export const signal: AbortSignal = new AbortController().signal;

export function place(t: { after(fn: () => void): void }, base: string = tmpdir()): string {
  const root = mkdtempSync(join(base, "sightline-spool-"));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  return join(root, "spool");
}

export function span(id: string, input = ""): TraceRecord {
  return sampleSpan({ spanId: id, name: id, input });
}

export function spans(count: number, prefix = "s", input = ""): TraceRecord[] {
  return Array.from({ length: count }, (_, i) => span(`${prefix}${i}`, input));
}

export interface Target extends Sink {
  /** The span ids as they came, repetitions included. */
  readonly ids: string[];
  readonly batches: number[];
}

/** Takes records unless `answer` throws. */
export function target(
  answer: (batch: readonly TraceRecord[]) => void | WriteResult | Promise<void | WriteResult> = () => {},
  name = "target",
): Target {
  const ids: string[] = [];
  const batches: number[] = [];
  return {
    name,
    ids,
    batches,
    async write(batch) {
      const result = await answer(batch);
      ids.push(...batch.map((record) => record.spanId!));
      batches.push(batch.length);
      return result;
    },
  };
}

/** Down, and not to be asked again for a minute: a flush then fails at once. */
export const isDown = (): never => {
  throw new SinkError("connection refused", { retry: "later", retryAfterMs: 60_000 });
};

export interface Watched {
  readonly sink: Sink;
  readonly taken: () => number;
  write(batch: readonly TraceRecord[]): Promise<void>;
  /** `taken + replayed = written + spooled + Σ dropped`, where `written` is what the books say. */
  books(): { taken: number; replayed: number; written: number; spooled: number; dropped: Record<string, number> };
}

/** A spool whose records are counted as they go in. */
export function watched(inner: Sink, options: SpoolOptions): Watched {
  const sink = spool(inner, options);
  let taken = 0;
  return {
    sink,
    taken: () => taken,
    async write(batch) {
      await sink.write(batch, signal);
      taken += batch.length;
    },
    books() {
      const { replayed, spooled, dropped } = sink.stats!();
      const lost = Object.values(dropped).reduce((sum, count) => sum + count, 0);
      const written = taken + replayed - spooled - lost;
      const shown = JSON.stringify({ taken, replayed, written, spooled, dropped });
      for (const figure of [written, spooled, replayed, ...Object.values(dropped)]) assert.ok(figure >= 0, shown);
      return { taken, replayed, written, spooled, dropped: dropped as Record<string, number> };
    },
  };
}

/** The owners' directories of a sink. */
export function owners(dir: string, name = "target"): string[] {
  const path = join(dir, name);
  return names(path).map((owner) => join(path, owner));
}

export function segments(owner: string): string[] {
  return names(owner)
    .filter((name) => name.endsWith(".log"))
    .map((name) => join(owner, name));
}

function names(path: string): string[] {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ? readdirSync(path).sort() : [];
}

let crashes = 0;

/**
 * What a dead process would have left: a copy of the directory as it is now, every owner in it renamed to a process that
 * cannot be. The original goes on, unseen by what opens the copy.
 */
export function crash(dir: string): string {
  const copy = `${dir}-crash-${crashes++}`;
  if (existsSync(dir)) cpSync(dir, copy, { recursive: true });
  for (const name of names(copy)) {
    for (const owner of names(join(copy, name))) {
      const [host, pid, , token, born] = owner.split("-");
      if (pid === "0") continue;
      // Another host's would have to be silent for a minute first.
      const gone = host === "elsewhere" ? ["nobody", 0, 0] : [host, 4_194_305, 1];
      renameSync(join(copy, name, owner), join(copy, name, [...gone, token, born].join("-")));
    }
  }
  return copy;
}

/** An owner's directory made by hand, for a process that is dead. */
export function deadOwner(dir: string, born = "0000000001", name = "target"): string {
  const path = join(dir, name, `nobody-0-0-${crashes++}-${born}`);
  mkdirSync(path, { recursive: true });
  return path;
}

/** Opens the spool, delivers what can be delivered, closes it. */
export async function replay(
  dir: string,
  inner: Target = target(),
  options: Partial<SpoolOptions> = {},
): Promise<{ ids: string[]; books: ReturnType<Watched["books"]> }> {
  const { sink, books } = watched(inner, { dir, ...options });
  sink.open!();
  // The books tell what is left.
  await drain(sink, () => inner.ids.length).catch(() => {});
  await sink.close!();
  return { ids: inner.ids, books: books() };
}

/** Flushes for as long as it gets on: one flush gives up after 5 s, whatever else the machine does. */
export async function drain(sink: Sink, delivered: () => number): Promise<void> {
  for (;;) {
    const before = delivered();
    try {
      await sink.flush!();
      return;
    } catch (error) {
      if (delivered() === before) throw error;
    }
  }
}

export function cleanUp(t: TestContext, ...sinks: Sink[]): void {
  t.after(async () => {
    for (const sink of sinks) await sink.close!();
  });
}
