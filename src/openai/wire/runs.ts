import { guard } from "../../core/guard.ts";
import { field, text } from "../fields.ts";
import { keepAdmission } from "./admissions.ts";
import { isObject, type Wire } from "./chunk-head.ts";
import type { Exchange, Landing } from "./exchange.ts";
import { countPoll } from "./polls.ts";
import { type RunCollector, runCollector, type WatchedRun } from "./run-collector.ts";
import { mergeRunEvent, mismatchOf, runEventKind } from "./run-merger.ts";
import { hasEnded } from "./run-plan.ts";
import { takeAsked, takeMessage, takeMessages, takeOutputs, takeRun, takeStep, takeSteps } from "./run-state.ts";

/** What the stream of one exchange has shown. */
interface RunStream {
  run: WatchedRun | undefined;
  /** It came to where such a stream ends: the run has, or waits for tool outputs. */
  isWhole: boolean;
  mismatch: { event: string; status: string } | undefined;
  /** It ended with an error of the host; clients leave then. */
  hasFailed: boolean;
}

const streams = new WeakMap<Exchange, RunStream>();

/** Where everything about runs, steps, messages and assistants lands. */
export const runsLanding: Landing = {
  object: (value, exchange) => guard(() => isObject(value) && takeObject(value, exchange), false),
  event(name, data, exchange) {
    guard(() => takeEvent(name, data, exchange), undefined);
  },
  end: (exchange) => guard(() => takeEnd(exchange), false),
  failed() {},
};

function takeObject(value: Wire, exchange: Exchange): boolean {
  const { endpoint, runtime } = exchange;
  const collector = runCollector(runtime);
  const { kind, ids } = endpoint;
  switch (kind) {
    case "run.create":
    case "run.retrieve":
    case "run.submit":
    case "run.cancel":
    case "run.update":
      return landRun(collector, value, exchange);
    case "step.list":
    case "step.retrieve":
      return landSteps(collector, value, exchange);
    case "message.list":
    case "message.retrieve":
      return landMessages(collector, value, exchange);
    case "message.create":
      if (takeMessage(collector.thread(ids["thread_id"]!), value)) collector.touchThread(ids["thread_id"]!, [value]);
      return false;
    case "assistant.create":
    case "assistant.retrieve":
      collector.nameAssistant(value);
      return false;
    default:
      if (endpoint.route === "/threads" && exchange.method === "POST") takeThread(collector, value, exchange);
      return false;
  }
}

function landRun(collector: RunCollector, value: Wire, exchange: Exchange): boolean {
  const id = text(value.id) ?? exchange.endpoint.ids["run_id"];
  // Some hosts answer an error with 200.
  if (id === undefined || text(value.status) === undefined) return false;
  const run = watched(collector, id, value, exchange);
  if (run === undefined) return false;
  const nowMs = exchange.nowMs();
  const isNews = takeRun(run.state, value, nowMs);
  takeRequest(run, exchange, nowMs);
  collector.nameModel(value, isByAssistant(exchange));
  collector.touch(run, isNews);
  return true;
}

/** The run, seen by this exchange if by no other; its own messages and what the exchange says of itself go with it. */
function watched(collector: RunCollector, id: string, value: Wire, exchange: Exchange): WatchedRun | undefined {
  const isNew = collector.find(id) === undefined;
  const threadId = text(field(value, "thread_id")) ?? exchange.endpoint.ids["thread_id"];
  const { parent, provider, captures, endpoint, startMs } = exchange;
  const sentMs = endpoint.kind === "run.create" ? startMs : undefined;
  const nowMs = exchange.nowMs();
  const run = collector.watch(id, { parent, provider, captures, threadId, run: value, nowMs, sentMs });
  if (run === undefined) return undefined;
  if (endpoint.kind === "run.create") keepAdmission(id, exchange);
  const { http } = exchange;
  if (isNew) run.state.http = { ...http };
  else if (http.attempts !== undefined) run.state.http = { ...http, attempts: http.attempts, ...run.state.http };
  if (isNew && endpoint.kind === "run.create") {
    const { thread } = run.state;
    takeAsked(thread, field(field(exchange.request, "thread"), "messages"), value);
    takeAsked(thread, field(exchange.request, "additional_messages"), value);
  }
  return run;
}

/** The run has the model of its assistant. */
function isByAssistant({ endpoint, request }: Exchange): boolean {
  return endpoint.kind === "run.create" && text(field(request, "model")) === undefined;
}

function takeRequest(run: WatchedRun, exchange: Exchange, nowMs: number): void {
  const { kind } = exchange.endpoint;
  if (kind === "run.retrieve") countPoll(run.state.polls, nowMs);
  if (kind === "run.submit") takeOutputs(run.state, field(exchange.request, "tool_outputs"), nowMs);
}

function landSteps(collector: RunCollector, value: Wire, exchange: Exchange): boolean {
  const run = collector.find(exchange.endpoint.ids["run_id"] ?? "");
  if (run === undefined) return false;
  const { kind } = exchange.endpoint;
  const isNews =
    kind === "step.list" ? takeSteps(run.state, value, isNewestFirst(exchange)) : takeStep(run.state, value);
  collector.touch(run, isNews);
  return true;
}

function landMessages(collector: RunCollector, value: Wire, exchange: Exchange): boolean {
  const threadId = exchange.endpoint.ids["thread_id"]!;
  const thread = collector.thread(threadId);
  if (exchange.endpoint.kind === "message.list") {
    return collector.touchThread(threadId, takeMessages(thread, value, isNewestFirst(exchange), exchange.nowMs()));
  }
  return collector.touchThread(threadId, takeMessage(thread, value) ? [value] : []);
}

function takeThread(collector: RunCollector, value: Wire, exchange: Exchange): void {
  const id = text(value.id);
  if (id !== undefined) takeAsked(collector.thread(id), field(exchange.request, "messages"), value);
}

/** The API's order unless it is asked for another. */
function isNewestFirst({ query }: Exchange): boolean {
  return query.get("order") !== "asc";
}

function takeEvent(name: string | undefined, data: unknown, exchange: Exchange): void {
  const kind = runEventKind(name, data);
  if (name === "error") takeError(data, streamOf(exchange));
  if (kind === undefined || kind === "thread" || !isObject(data)) return;
  const collector = runCollector(exchange.runtime);
  const nowMs = exchange.nowMs();
  const stream = streamOf(exchange);
  const run = runOfEvent(collector, stream, kind === "run" ? data : { ...runIds(data) }, exchange);
  if (run === undefined) return;
  if (stream.run !== run) takeRequest(run, exchange, nowMs);
  stream.run = run;
  if (kind === "message.delta") run.state.firstChunkMs ??= nowMs;
  if (kind === "run") {
    stream.mismatch ??= mismatchOf(name, data);
    stream.isWhole = hasEnded({ ...run.state, run: data }) || data.status === "requires_action";
  }
  const isNews = mergeRunEvent(run.state, kind, data, nowMs);
  if (kind === "run") collector.nameModel(data, isByAssistant(exchange));
  // The pieces of a text are many, and the whole of it is the news.
  if (!kind.endsWith(".delta")) collector.touch(run, isNews);
}

function takeError(data: unknown, stream: RunStream): void {
  stream.hasFailed = true;
  const error = field(data, "error") ?? data;
  const code = text(field(error, "code")) ?? text(field(error, "type")) ?? "error";
  if (stream.run !== undefined) stream.run.state.streamError ??= { code, message: text(field(error, "message")) };
}

function runIds(data: Wire): Wire {
  return { id: data.run_id, thread_id: data.thread_id, assistant_id: data.assistant_id };
}

function runOfEvent(collector: RunCollector, stream: RunStream, run: Wire, exchange: Exchange): WatchedRun | undefined {
  const id = text(run.id) ?? stream.run?.state.id ?? exchange.endpoint.ids["run_id"];
  if (id === undefined) return undefined;
  if (stream.run?.state.id === id) return stream.run;
  return collector.find(id) ?? watched(collector, id, { ...run, id }, exchange);
}

function streamOf(exchange: Exchange): RunStream {
  let stream = streams.get(exchange);
  if (stream === undefined) {
    stream = { run: undefined, isWhole: false, mismatch: undefined, hasFailed: false };
    streams.set(exchange, stream);
  }
  return stream;
}

/** `[DONE]` may come although the run has not ended, and a stream may be cut after all that counts. */
function takeEnd(exchange: Exchange): boolean {
  const stream = streams.get(exchange);
  const run = stream?.run;
  if (stream === undefined || run === undefined) return false;
  streams.delete(exchange);
  const { http, stream: before } = { http: run.state.http ?? exchange.http, stream: run.state.http?.stream };
  const given = exchange.http.stream ?? { events: 0, end: "completed" as const };
  const isBroken = stream.hasFailed || given.end === "completed";
  const end = stream.isWhole ? "completed" : isBroken ? "broken" : given.end;
  const mismatch = before?.mismatch ?? stream.mismatch ?? given.mismatch;
  run.state.http = {
    ...http,
    stream: {
      events: (before?.events ?? 0) + given.events,
      end,
      ...(mismatch !== undefined && { mismatch }),
      ...((before?.truncated ?? given.truncated) && { truncated: true }),
    },
  };
  runCollector(exchange.runtime).touch(run, true);
  return true;
}
