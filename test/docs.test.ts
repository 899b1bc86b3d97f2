import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
/** Inside the package, so that it can import itself by name. */
const folder = new URL("test/.docs/", root);

/** What examples take for granted. */
const PRELUDE = `
import * as sightline from "sightline";
import * as testing from "sightline/testing";
import OpenAI from "openai";
import clsHooked from "cls-hooked";
import { clsHookedCarrier } from "sightline/interop/cls-hooked";
import { httpSink } from "sightline/sinks/http";
import { findings, normalizeUsage, observeOpenAI, record, recordAgentTurn, recordAssistantRun, recordChatCompletion,
  recordResponse, requestParams, tracedFetch } from "sightline/openai";
import { agentsCarrier, agentsTraceProcessor } from "sightline/interop/openai-agents";
import { openTelemetryCarrier } from "sightline/interop/opentelemetry";
import express from "express";
import fastify from "fastify";
import { Hono } from "hono";
import { fastifyTracing, honoTracing, propagatedFetch, traceRequests } from "sightline/interop/http";
import { SightlineInterceptor } from "sightline/interop/nestjs";
import { langfuseSink } from "sightline/sinks/langfuse";
import { otelExporterSink } from "sightline/sinks/otel-exporter";
import { otlpFile, otlpMetrics, otlpSink } from "sightline/sinks/otlp";
import { ConsoleSpanExporter } from "@opentelemetry/sdk-trace-base";
import * as monitors from "sightline/monitors";
import { prometheus } from "sightline/monitors/prometheus";
import { memoryStore, sqliteStore, storeSink } from "sightline/store";
import { collector } from "sightline/collector";
import { clickhouseSink } from "sightline/sinks/clickhouse";
import { createSseParser } from "../../src/openai/wire/sse.ts";
import { endpointOf } from "../../src/openai/wire/endpoints.ts";
import { partialJson } from "../../src/openai/wire/partial-json.ts";
import { readHeaders } from "../../src/openai/wire/headers.ts";
const { bind, bindEmitter, carrier, client, configure, consoleSink, currentSpan, event, fileSink, filter, flush,
  flushAfter, genaiPrices, generation, hashUserId, inject, keepIf, mask, memorySink, observe, priceBooks, readRecords, replaySpool, sample, score, snapshot, spool, spoolStatus, startSpan, staticPrices,
  sumUsd, suppress, updateSpan, updateTrace, withContext, withSpan, withTrace } = sightline;
const { fakeClock, fakeOpenAI, flakyServer, sequentialIds, sinkContract } = testing;
const { alertmanager, alerts, alertsDashboard, assistantsRunbooks, budgets, budgetsDashboard, consistency, consoleChannel, dashboard, defaultRoutes, defaultRules, defaultRunbooks, email, golden, grounding, hedging, incidents, incidentsDashboard, jira, jsonFormat, jsonSchema, judge, languageMatch, lexicalOverlap, liveDashboard, logSink, markdownFormat, metrics, metricsDashboard, modelCallOf, notifier, pagerDuty, prometheusRules, quality, refusal, repetition, runbookMarkdown, scorer, slack, stateFile, textLength, verifyWebhook, webhook } = monitors;
const { createNamespace } = clsHooked;
const [key, question, answer, message, userId, sessionId, traceId, threadId, url, file] = Array(10).fill("x") as string[];
process.env["USER_ID_KEY"] = "sixteen characters and more";
const messages: any[] = [];
const run: any = { id: "run_1", object: "thread.run", status: "completed", model: "gpt-4", thread_id: "t", assistant_id: "a",
  created_at: 1, completed_at: 2, usage: { prompt_tokens: 1, completion_tokens: 1, total_tokens: 2 } };

const queue: (() => unknown)[] = [];
const work = () => 1, load = async () => 1, handle = () => 1, query = () => 1;
const job: any = { context: {} };
const pool = { acquire: (callback: (connection: unknown) => void) => callback({}) };
const mySink = () => memorySink();
const socket = new (await import("node:events")).EventEmitter(), api = await fakeOpenAI(), openai: any = new OpenAI(api);
const records: any[] = [], password = "x", createChdbConnection = (_: unknown) => ({}), clickHouseStore = (_: unknown) => memoryStore();
const thread: any = await openai.beta.threads.create({ messages: [{ role: "user", content: "q" }] }), steps: any[] = [];
const assistant: any = await openai.beta.assistants.create({ model: "gpt-4", name: "A" });
const request = { model: "gpt-5", input: "q" }, turnId = "turn_1", session = { id: "session_1" }, sink = memorySink(), seen: unknown[] = [];
const turn = { id: turnId, object: "agent.session.turn", session_id: session.id, status: "completed" };
openai.beta.agents = { sessions: { turns: { retrieve: async () => turn, items: { list: async () => ({ data: [] }) } } } };
const getCurrentSpan = () => null, setTraceProcessors = (_: unknown) => {}, response = new Response("");
Object.assign(process.env, { OPENAI_API_KEY: api.apiKey, OPENAI_BASE_URL: api.baseURL });
const server: any = { url: "http://127.0.0.1:9" };
const fetch = async (..._: unknown[]) => {};
const AppModule = class {}, NestFactory = { create: async (_: unknown) => ({ useGlobalInterceptors(_: unknown) {} }) };
class Worker { constructor(..._: unknown[]) {} }
const tutor = { answer: async (_: string) => withSpan("Tutor.answer", () => generation({ model: "gpt-4.1" })) };
`;

interface Example {
  readonly place: string;
  readonly code: string;
}

async function examples(): Promise<Example[]> {
  const found: Example[] = [];
  for (const entry of await readdir(new URL("src", root), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
    const path = `${entry.parentPath}/${entry.name}`;
    const source = await readFile(path, "utf8");
    for (const match of source.matchAll(/^ *\* @example\n((?: *\*(?!\/).*\n)+?)(?= *\*\/| *\* @)/gm)) {
      const code = (match[1] as string).replace(/^ *\* ?/gm, "").replaceAll("\\@", "@");
      const line = source.slice(0, match.index).split("\n").length;
      found.push({ place: `${path.slice(path.indexOf("src/"))}:${line}`, code });
    }
  }
  // Node's own order differs between its versions; who reads a file comes before who writes it, and prints nothing.
  const key = ({ place }: Example) => (place.startsWith("src/sinks/read-records") ? "" : place);
  return found.sort((a, b) => (key(a) < key(b) ? -1 : 1));
}

before(() => mkdir(folder, { recursive: true }));
after(() => rm(folder, { recursive: true }));

test("every example of the docstrings runs", async () => {
  const all = await examples();
  assert.ok(all.length >= 20, `${all.length} examples found`);
  // `sinkContract` registers tests: it would make a test runner of this process.
  const runnable = all.filter(({ code }) => !code.startsWith("sinkContract("));
  const bodies = runnable.map(({ place, code }) => {
    const body = code.replace(/^import .*\n/gm, "");
    return `await (async () => {\n${body}\n})().then(() => console.log("ok ${place}"));\n`;
  });
  const program = new URL("examples.ts", folder);
  await writeFile(program, `${PRELUDE}\n${bodies.join("\n")}\nprocess.exit(0);\n`);
  await writeFile(new URL("traces.ndjson", folder), "");
  const args = ["--conditions=@sightline/source", "--import", "tsx", program.pathname];
  const { stdout } = await run(process.execPath, args, { cwd: folder, env: { ...process.env, SIGHTLINE_SINK: "" } });
  assert.deepEqual(
    stdout.trim().split("\n"),
    runnable.map(({ place }) => `ok ${place}`),
  );
});

test("every public function, class and constant has a docstring", async () => {
  const undocumented: string[] = [];
  for (const entry of [
    "src/index.ts",
    "src/openai/index.ts",
    "src/testing/index.ts",
    "src/semconv/index.ts",
    "src/sinks/otlp/index.ts",
    "src/interop/http/index.ts",
    "src/monitors/index.ts",
  ]) {
    const index = await readFile(new URL(entry, root), "utf8");
    for (const [, names, path] of index.matchAll(/^export \{([^}]*)\} from "([^"]+)"/gm)) {
      const source = await readFile(new URL(path as string, new URL(entry, root)), "utf8");
      for (const name of (names as string).split(",").map((each) => each.trim())) {
        if (name === "" || name.startsWith("type ")) continue;
        const documented = new RegExp(
          `\\*/\\nexport (?:declare )?(?:async )?(?:function\\*? |const |class )${name}\\b`,
        );
        const inherited = new RegExp(`export const ${name}: Observe\\b`);
        if (!documented.test(source) && !inherited.test(source)) undocumented.push(`${entry}: ${name}`);
      }
    }
  }
  assert.deepEqual(undocumented, []);
});
