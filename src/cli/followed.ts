import { statSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { memoryStore } from "../store/memory-store.ts";
import type { ProjectOption, TraceStore } from "../store/trace-store.ts";
import { followFiles } from "./follow-files.ts";
import { remoteStore } from "./remote-store.ts";
import { openSource, type Spec, specOf, usualSource } from "./source.ts";

/** A source that is looked at again and again. */
export interface Followed {
  readonly store: TraceStore;
  readonly name: string;
  /**
   * What has changed since the last time, some at a time: the ids of traces that have new records, or `undefined` where
   * nobody can name them. Nothing, when nothing has.
   *
   * @throws StoreError, ConfigError when the source is gone
   */
  changes(): AsyncGenerator<ReadonlySet<string> | undefined>;
  close(): Promise<void>;
}

export interface FollowOptions extends ProjectOption {
  readonly token?: string | undefined;
}

/** Of a file that is followed, so many characters stay in memory. */
const KEPT = 64 * 1024 ** 2;
/** A collector that has broken off is called again after so long. */
const AGAIN_MS = 1_000;

/** @throws ConfigError for what is not there; a file that a program is about to write is waited for */
export async function follow(words: readonly string[], options: FollowOptions): Promise<Followed> {
  const named = words.length === 0 ? [usualSource()] : words;
  const spec = awaited(named) ?? specOf(named);
  if (spec.kind === "files") return followedFiles(spec.paths);
  if (spec.kind === "collector") return followedCollector(spec.url, options);
  return followedStore(named, options);
}

function awaited(named: readonly string[]): Spec | undefined {
  const [first = ""] = named;
  if (named.length !== 1 || !/\.(?:nd)?jsonl?$/.test(first)) return undefined;
  const folder = statSync(dirname(resolve(first)), { throwIfNoEntry: false });
  const isThere = statSync(first, { throwIfNoEntry: false }) !== undefined;
  return folder?.isDirectory() && !isThere ? { kind: "files", paths: named } : undefined;
}

function followedFiles(paths: readonly string[]): Followed {
  const name = paths.length === 1 ? basename(paths[0]!) : `${paths.length} files`;
  const store = memoryStore({ name });
  const files = followFiles(paths);
  return {
    store,
    name,
    async *changes() {
      for await (const records of files.read()) {
        await store.append(records);
        yield new Set(records.flatMap((record) => (record.record === "span" ? record.traceId : [])));
        const { bytes = 0 } = await store.stats();
        if (bytes > KEPT) await store.prune({ maxBytes: KEPT / 2 });
      }
    },
    close: () => store.close(),
  };
}

/** It says itself what changes. */
async function followedCollector(url: string, { token, ...asked }: FollowOptions): Promise<Followed> {
  const store = remoteStore(url, { token });
  const stop = new AbortController();
  let named = new Set<string>();
  let isUnnamed = false;
  let failure: unknown;
  let events = await store.tail(asked, stop.signal);

  async function listen(): Promise<void> {
    for (;;) {
      for await (const event of events) {
        if (event.event !== "changed") continue;
        if (event.traceIds.length === 0) isUnnamed = true;
        for (const traceId of event.traceIds) named.add(traceId);
      }
      await sleep(AGAIN_MS, undefined, { signal: stop.signal });
      events = await store.tail(asked, stop.signal);
      isUnnamed = true;
    }
  }

  void listen().catch((error) => (failure = error));
  return {
    store,
    name: new URL(url).origin,
    async *changes() {
      if (failure !== undefined) throw failure;
      const ids = named;
      named = new Set();
      const wasUnnamed = isUnnamed;
      isUnnamed = false;
      if (ids.size > 0) yield ids;
      if (wasUnnamed) yield undefined;
    },
    async close() {
      stop.abort();
      await store.close();
    },
  };
}

async function followedStore(named: readonly string[], { token, ...asked }: FollowOptions): Promise<Followed> {
  const { store, name, close } = await openSource(named, { token });
  let last: string | undefined;
  return {
    store,
    name,
    async *changes() {
      const now = await store.revision(asked);
      if (now === last) return;
      last = now;
      yield undefined;
    },
    close,
  };
}
