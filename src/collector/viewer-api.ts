import type { IncomingMessage } from "node:http";
import { isSpanId, isTraceId } from "../core/ids.ts";
import type { SpanRecord } from "../core/record.ts";
import { VERSION } from "../sinks/otlp/scope.ts";
import type { TraceStore } from "../store/trace-store.ts";
import { type Answer, json } from "./answer.ts";
import type { About, Reading, TraceAnswer } from "./api.ts";
import { createBudget } from "./budget.ts";
import { act, type CollectorMonitors, monitorsAnswer } from "./incident-actions.ts";
import { inflate } from "./inflate.ts";
import { bad } from "./parameters.ts";
import { linesOfTrace, pageOfSpans } from "./pieces.ts";
import { queries } from "./queries.ts";
import { receiveBody } from "./receive-body.ts";
import { quoted, Refusal } from "./refusal.ts";
import type { Route } from "./routes.ts";
import { download, spanAnswer } from "./span-answer.ts";
import type { Tail } from "./tail.ts";

export interface ViewerApiOptions {
  readonly store: TraceStore;
  readonly projects: readonly string[];
  readonly monitors: CollectorMonitors;
  readonly tail: Tail;
  readonly reading?: (() => Reading | undefined) | undefined;
}

/** An action is a few words. */
const MAX_ACTION_BYTES = 16 * 1024;

/** The routes of `api.ts`. */
export function viewerApi({ store, projects, monitors, tail, reading }: ViewerApiOptions): readonly Route[] {
  const read = queries(projects);
  const budget = createBudget(64 * MAX_ACTION_BYTES);
  const hasMonitors = Object.values(monitors).some((monitor) => monitor !== undefined);

  const get = (path: string, answer: (query: string, ids: readonly string[]) => Promise<Answer>): Route => ({
    name: path,
    path,
    method: "GET",
    access: "viewer",
    handle: ({ query, ids }) => answer(query, ids),
  });

  async function spanOf(query: string, ids: readonly string[]): Promise<{ record: SpanRecord; full: boolean }> {
    const { project, full = false } = read.span(query);
    const [traceId, spanId] = [checkedTraceId(ids[0]!), checkedSpanId(ids[1]!)];
    const record = await store.span(traceId, spanId, { project });
    if (record === undefined) throw notFound(`span ${spanId} in the trace ${traceId}`);
    return { record, full };
  }

  const payload =
    (side: "input" | "output") =>
    async (query: string, ids: readonly string[]): Promise<Answer> => {
      const { record } = await spanOf(query, ids);
      if (record[side] === undefined) throw notFound(`${side} of the span ${record.spanId}`);
      return download(record, side);
    };

  return [
    get("/api/about", async (query) => {
      const { project } = read.project(query);
      const now = reading?.();
      const about: About = {
        version: VERSION,
        store: store.name,
        stats: await store.stats({ project }),
        projects,
        ...(now !== undefined && { reading: now }),
        monitors: hasMonitors,
      };
      return json(about);
    }),
    get("/api/traces", async (query) => json(await store.traces(read.traces(query)))),
    get("/api/traces/:", async (query, [id]) => {
      const { project } = read.project(query);
      const traceId = checkedTraceId(id!);
      const [trace, spans] = await Promise.all([store.trace(traceId, { project }), store.spans(traceId, { project })]);
      if (trace === undefined) throw notFound(`trace ${traceId}`);
      return json({ ...trace, spans } satisfies TraceAnswer);
    }),
    get("/api/traces/:/spans", async (query, [id]) => {
      const options = read.spans(query);
      // The first of it now, so that a bad cursor is an answer and no broken connection.
      return streamed("application/json; charset=utf-8", pageOfSpans(store, checkedTraceId(id!), options));
    }),
    get("/api/traces/:/spans/:", async (query, ids) => {
      const { record, full } = await spanOf(query, ids);
      return json(spanAnswer(record, full));
    }),
    get("/api/traces/:/spans/:/input", payload("input")),
    get("/api/traces/:/spans/:/output", payload("output")),
    get("/api/traces/:/export", async (query, [id]) => {
      const { project } = read.project(query);
      const traceId = checkedTraceId(id!);
      if ((await store.trace(traceId, { project })) === undefined) throw notFound(`trace ${traceId}`);
      const lines = await streamed("application/x-ndjson; charset=utf-8", linesOfTrace(store, traceId, project));
      const name = { "content-disposition": `attachment; filename="${traceId}.ndjson"` };
      return { ...lines, headers: { ...lines.headers, ...name } };
    }),
    get("/api/aggregate", async (query) => json(await store.aggregate(read.aggregate(query)))),
    get("/api/sessions", async (query) => json(await store.sessions(read.traces(query)))),
    get("/api/values", async (query) => json(await store.values(read.values(query)))),
    get("/api/monitors", async (query) => {
      read.project(query);
      return json(monitorsAnswer(monitors));
    }),
    {
      name: "/api/incidents/:",
      path: "/api/incidents/:",
      method: "POST",
      access: "viewer",
      async handle({ request, query, ids }) {
        read.project(query);
        const incident = await act(monitors.incidents, ids[0]!, await jsonBody(request));
        tail.monitorsChanged();
        return json(incident);
      },
    },
    get("/api/incidents/:/post-mortem", async (query, [id]) => {
      read.project(query);
      const text = monitors.incidents?.postMortem(id!);
      if (text === undefined) throw notFound(`incident ${quoted(id!)}`);
      return { status: 200, headers: { "content-type": "text/markdown; charset=utf-8" }, body: text };
    }),
    {
      name: "/api/tail",
      path: "/api/tail",
      method: "GET",
      access: "viewer",
      async handle({ request, query, response }) {
        // Who asks for the headers alone would wait for the end of what has none.
        if (request.method === "HEAD")
          throw new Refusal(405, "BAD_METHOD", "This address takes GET.", { allow: "GET" });
        tail.open(read.project(query).project, response);
        return undefined;
      },
    },
  ];

  async function jsonBody(request: IncomingMessage): Promise<unknown> {
    if (!/^application\/json\b/i.test(request.headers["content-type"] ?? "")) {
      throw new Refusal(415, "BAD_CONTENT_TYPE", "An action comes as application/json.");
    }
    const share = budget.share();
    try {
      const sent = await receiveBody(request, MAX_ACTION_BYTES, share);
      const bytes = await inflate(sent, { bytes: Buffer.alloc(0) }, MAX_ACTION_BYTES, share);
      return JSON.parse(bytes.toString());
    } catch (error) {
      throw error instanceof SyntaxError ? new Refusal(400, "BAD_JSON", "The body is no JSON.") : error;
    } finally {
      share.end();
    }
  }
}

async function streamed(type: string, pieces: AsyncGenerator<string>): Promise<Answer> {
  const first = await pieces.next();
  async function* all(): AsyncGenerator<string> {
    if (!first.done) yield first.value;
    yield* pieces;
  }
  return { status: 200, headers: { "content-type": type }, body: all() };
}

function checkedTraceId(id: string): string {
  if (!isTraceId(id)) throw bad(`A trace's id has 32 hex digits, 0-9 and a-f; it got ${quoted(id)}.`);
  return id;
}

function checkedSpanId(id: string): string {
  if (!isSpanId(id)) throw bad(`A span's id has 16 hex digits, 0-9 and a-f; it got ${quoted(id)}.`);
  return id;
}

function notFound(what: string): Refusal {
  return new Refusal(404, "NOT_FOUND", `There is no ${what}.`);
}
