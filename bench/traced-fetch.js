/**
 * What `tracedFetch` adds: processor time for each chunk of a stream, time to the first chunk, time of a plain call, memory
 * of a long stream. Bare and traced take turns in one process; a row is the median of nine such pairs.
 *
 *   npm run build && node --expose-gc bench/traced-fetch.js
 *
 * "in process": the answer comes from a function, so that nothing but our own work is in the difference. "http": the
 * `openai` client over loopback, the server in a process of its own.
 */
import { fork } from "node:child_process";
import { createServer } from "node:http";
import OpenAI from "openai";
import { configure, observe, shutdown } from "sightline";
import { tracedFetch } from "sightline/openai";

const CHUNKS = 1_000;
const PAIRS = 9;
const QUESTION = { model: "gpt-4o", messages: [{ role: "user", content: "Solve 3x + 11 = 14." }] };
const BODY = JSON.stringify({ ...QUESTION, stream: true });

function event(i) {
  const choices = [{ index: 0, delta: { content: ` word${i}` }, logprobs: null, finish_reason: null }];
  const rest = { id: "chatcmpl-1", object: "chat.completion.chunk", created: 1, model: "gpt-4o-2024-08-06" };
  return `data: ${JSON.stringify({ ...rest, service_tier: "default", system_fingerprint: "fp_1", choices })}\n\n`;
}

const COMPLETION = JSON.stringify({
  id: "chatcmpl-1",
  object: "chat.completion",
  created: 1,
  model: "gpt-4o-2024-08-06",
  choices: [{ index: 0, message: { role: "assistant", content: "x = 1" }, finish_reason: "stop" }],
  usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 },
});

if (process.argv[2] === "serve") serve();
else await main();

function serve() {
  const events = Array.from({ length: CHUNKS }, (_, i) => event(i));
  const server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += data));
    request.on("end", () => {
      if (!body.includes('"stream":true'))
        return response.setHeader("content-type", "application/json").end(COMPLETION);
      response.writeHead(200, { "content-type": "text/event-stream" });
      let i = 0;
      const next = () => {
        if (i === events.length) return response.end("data: [DONE]\n\n");
        response.write(events[i++]);
        setImmediate(next);
      };
      next();
    });
  });
  server.listen(0, "127.0.0.1", () => process.send(server.address().port));
  process.on("disconnect", () => process.exit());
}

async function main() {
  const sink = { name: "null", write() {} };
  configure({ sinks: [sink], prices: false });
  await inProcess();
  await overHttp();
  await memory();
  await shutdown();
}

/** A `fetch` whose stream gives a chunk a pull. */
function local(chunks) {
  const encoder = new TextEncoder();
  const bytes = Array.from({ length: 64 }, (_, i) => encoder.encode(event(i)));
  return async (_input, init) => {
    if (init.body !== BODY) return new Response(COMPLETION, { headers: { "content-type": "application/json" } });
    let i = 0;
    const pull = (controller) => (i < chunks ? controller.enqueue(bytes[i++ % 64]) : controller.close());
    return new Response(new ReadableStream({ pull }), { headers: { "content-type": "text/event-stream" } });
  };
}

async function read(fetch) {
  const response = await fetch("https://api.openai.com/v1/chat/completions", { method: "POST", body: BODY });
  const reader = response.body.getReader();
  let count = 0;
  while (!(await reader.read()).done) count++;
  return count;
}

async function plain(fetch) {
  const body = JSON.stringify(QUESTION);
  const response = await fetch("https://api.openai.com/v1/chat/completions", { method: "POST", body });
  return response.json();
}

async function inProcess() {
  const inner = local(CHUNKS);
  const traced = tracedFetch({ fetch: inner });
  const rows = { stream: [], plain: [] };
  for (let pair = -2; pair < PAIRS; pair++) {
    const streams = await difference(
      () => repeat(20, () => read(inner)),
      () => repeat(20, () => observe(() => read(traced))()),
    );
    const calls = await difference(
      () => repeat(500, () => plain(inner)),
      () => repeat(500, () => observe(() => plain(traced))()),
    );
    if (pair < 0) continue;
    rows.stream.push((streams * 1000) / (20 * CHUNKS));
    rows.plain.push((calls * 1000) / 500);
  }
  say("in process, stream: processor time for each chunk", rows.stream, "µs");
  say("in process, plain call and its span: processor time", rows.plain, "µs");
}

async function overHttp() {
  const child = fork(new URL(import.meta.url).pathname, ["serve"]);
  const port = await new Promise((resolve) => child.once("message", resolve));
  const options = { apiKey: "sk-bench", baseURL: `http://127.0.0.1:${port}/v1` };
  const clients = [new OpenAI(options), new OpenAI({ ...options, fetch: tracedFetch() })];
  const ask = observe((client) => client.chat.completions.create({ ...QUESTION, stream: true }));
  const first = [[], []];
  const processor = [];
  const whole = [[], []];
  for (let pair = -3; pair < PAIRS * 5; pair++) {
    const spent = [0, 0];
    for (const i of pair % 2 === 0 ? [0, 1] : [1, 0]) {
      const cpu = process.cpuUsage();
      const started = performance.now();
      let firstMs;
      for await (const _ of await ask(clients[i])) firstMs ??= performance.now() - started;
      const { user, system } = process.cpuUsage(cpu);
      spent[i] = user + system;
      const plainStarted = performance.now();
      await clients[i].chat.completions.create(QUESTION);
      if (pair < 0) continue;
      first[i].push(firstMs);
      whole[i].push(performance.now() - plainStarted);
    }
    if (pair >= 0) processor.push((spent[1] - spent[0]) / CHUNKS);
  }
  child.disconnect();
  say("http, stream: processor time for each chunk", processor, "µs");
  const [bare, traced] = first.map(median);
  console.log(
    `http, time to the first chunk: ${bare.toFixed(2)} → ${traced.toFixed(2)} ms, added ${(traced - bare).toFixed(3)} ms`,
  );
  const [bareCall, tracedCall] = whole.map(median);
  console.log(
    `http, plain call: ${bareCall.toFixed(2)} → ${tracedCall.toFixed(2)} ms, added ${(tracedCall - bareCall).toFixed(3)} ms`,
  );
}

/** The heap at its largest while a stream goes by, bare and traced, for two lengths. */
async function memory() {
  if (globalThis.gc === undefined) return console.log("memory: run with --expose-gc");
  for (const chunks of [10_000, 200_000]) {
    const inner = local(chunks);
    const grown = [];
    for (const fetch of [inner, tracedFetch({ fetch: inner })]) {
      globalThis.gc();
      const before = process.memoryUsage().heapUsed;
      let most = 0;
      const response = await fetch("https://api.openai.com/v1/chat/completions", { method: "POST", body: BODY });
      const reader = response.body.getReader();
      for (let i = 0; !(await reader.read()).done; i++) {
        if (i % 5_000 !== 0) continue;
        globalThis.gc();
        most = Math.max(most, process.memoryUsage().heapUsed - before);
      }
      grown.push(most / 2 ** 20);
    }
    const [bare, traced] = grown.map((mib) => mib.toFixed(2));
    console.log(`memory, a stream of ${chunks} chunks: heap grew by ${bare} MiB bare, ${traced} MiB traced`);
  }
}

async function repeat(times, fn) {
  for (let i = 0; i < times; i++) await fn();
}

/** Milliseconds of processor time that `traced` takes more than `bare`. */
async function difference(bare, traced) {
  const spent = [];
  for (const fn of [bare, traced]) {
    const cpu = process.cpuUsage();
    await fn();
    const { user, system } = process.cpuUsage(cpu);
    spent.push((user + system) / 1000);
  }
  return spent[1] - spent[0];
}

function median(values) {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}

function say(what, values, unit) {
  const sorted = values.toSorted((a, b) => a - b);
  const [least, most] = [sorted[0], sorted.at(-1)].map((value) => value.toFixed(2));
  console.log(`${what}: +${median(values).toFixed(2)} ${unit} (median of ${values.length}, ${least} to ${most})`);
}
