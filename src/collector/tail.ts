import type { ServerResponse } from "node:http";
import { swallow } from "../core/guard.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { SECURITY_HEADERS } from "./answer.ts";
import type { Reading } from "./api.ts";
import { later } from "./refusal.ts";
import { type TailClient, tailClient } from "./tail-client.ts";

/** Tells live views what has changed: by this process at once, by others within a second or so. */
export interface Tail {
  /** @throws Refusal when there are too many */
  open(project: string, response: ServerResponse): void;
  /** Records of these traces were appended by this process. */
  appended(project: string, traceIds: Iterable<string>): void;
  monitorsChanged(): void;
  readonly clients: number;
  close(): void;
}

export interface TailOptions {
  readonly store: Pick<TraceStore, "revision">;
  readonly most: number;
  readonly reading?: (() => Reading | undefined) | undefined;
  /** Changes with what the page of monitors shows. */
  readonly monitors?: (() => string) | undefined;
}

/** Progress is to be seen moving. */
const TICK_MS = 250;
const TICKS_PER_REVISION = 4;
const TICKS_PER_BEAT = 60;

interface Watched {
  readonly clients: Set<TailClient>;
  revision: string | undefined;
  /** This process appended since the revision was asked for: that it has changed says nothing about others then. */
  isOwn: boolean;
  /** It had changed for such a reason: somebody else may have appended too, which is told once it is quiet. */
  isUnsure: boolean;
  isAsking: boolean;
}

export function createTail({ store, most, reading, monitors }: TailOptions): Tail {
  const projects = new Map<string, Watched>();
  let timer: NodeJS.Timeout | undefined;
  let ticks = 0;
  let lastReading = "";
  let lastMonitors = "";

  const everyone = (): TailClient[] => [...projects.values()].flatMap(({ clients }) => [...clients]);

  async function askRevision(project: string, watched: Watched): Promise<void> {
    if (watched.isAsking) return;
    watched.isAsking = true;
    const { isOwn } = watched;
    watched.isOwn = false;
    try {
      const revision = await store.revision({ project });
      const hasChanged = watched.revision !== undefined && watched.revision !== revision;
      watched.revision = revision;
      if (isOwn || watched.isOwn) watched.isUnsure ||= hasChanged;
      else if (hasChanged || watched.isUnsure) {
        watched.isUnsure = false;
        for (const client of watched.clients) client.changed([]);
      }
    } catch (error) {
      swallow(error);
    } finally {
      watched.isAsking = false;
    }
  }

  function tick(): void {
    ticks++;
    if (ticks % TICKS_PER_REVISION === 1) {
      for (const [project, watched] of projects) void askRevision(project, watched);
      tellMonitors();
    }
    if (ticks % TICKS_PER_BEAT === 0) for (const client of everyone()) client.beat();
    tellReading();
  }

  function tellReading(): void {
    const now = reading?.();
    const state = JSON.stringify(now) ?? "";
    if (now === undefined || state === lastReading) return;
    lastReading = state;
    for (const client of everyone()) client.tell({ event: "reading", reading: now });
  }

  function tellMonitors(): void {
    const state = monitors?.() ?? "";
    if (state === lastMonitors) return;
    lastMonitors = state;
    for (const client of everyone()) client.tell({ event: "monitors" });
  }

  function watch(project: string): Watched {
    const known = projects.get(project);
    if (known !== undefined) return known;
    const watched = {
      clients: new Set<TailClient>(),
      revision: undefined,
      isOwn: false,
      isUnsure: false,
      isAsking: false,
    };
    projects.set(project, watched);
    return watched;
  }

  function leave(project: string, client: TailClient): void {
    const watched = projects.get(project);
    watched?.clients.delete(client);
    if (watched?.clients.size === 0) projects.delete(project);
    if (projects.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  }

  return {
    open(project, response) {
      if (everyone().length >= most) throw later(503, "TOO_MANY_TAILS", `There are ${most} live views already.`, 5_000);
      const watched = watch(project);
      const client = tailClient(response);
      watched.clients.add(client);
      response.on("close", () => leave(project, client));
      // The last one is nginx's: it would collect what is to be told at once.
      const headers = { "content-type": "text/event-stream; charset=utf-8", "x-accel-buffering": "no" };
      response.writeHead(200, { ...SECURITY_HEADERS, ...headers });
      response.write("retry: 1000\n\n");
      if (timer === undefined) {
        lastMonitors = monitors?.() ?? "";
        ticks = 0;
        timer = setInterval(tick, TICK_MS).unref();
      }
      // What it compares with: a change between the page's first question and now would be missed otherwise.
      if (watched.revision === undefined) void askRevision(project, watched);
      const now = reading?.();
      if (now !== undefined) client.tell({ event: "reading", reading: now });
    },
    appended(project, traceIds) {
      const watched = projects.get(project);
      if (watched === undefined) return;
      watched.isOwn = true;
      const ids = [...new Set(traceIds)];
      // None would mean all.
      if (ids.length > 0) for (const client of watched.clients) client.changed(ids);
    },
    monitorsChanged: tellMonitors,
    get clients() {
      return everyone().length;
    },
    close() {
      clearInterval(timer);
      for (const client of everyone()) client.end();
    },
  };
}
