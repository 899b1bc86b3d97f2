import assert from "node:assert/strict";
import { test } from "node:test";
import type { SpanRecord } from "sightline";
import { tracedFetch } from "sightline/openai";
import { statusFailure } from "../../../src/openai/wire/failure.ts";
import { recordedSpans } from "./recorded-spans.ts";
import { type Answer, COMPLETION, event, events, json, scriptedServer } from "./scripted-server.ts";

const SECRET = "my diagnosis is X";
const CHAT = { model: "gpt-4.1", messages: [{ role: "user", content: SECRET }] };

/** What one call without content writes. */
async function written(path: string, request: object, answer: Answer): Promise<SpanRecord[]> {
  await using server = await scriptedServer(answer);
  const traced = tracedFetch({ captureContent: false });
  return await recordedSpans(async () => {
    const init = { method: "POST", body: JSON.stringify(request) };
    await (await traced(`${server.baseURL}${path}`, init)).text();
  });
}

/** What its error says. */
async function message(status: number, body: unknown): Promise<string | undefined> {
  const spans = await written("/chat/completions", CHAT, json(status, body));
  return spans[0]!.error!.message;
}

test("content off: an error keeps what repeats nothing of the request", async () => {
  const missing = { type: "missing", loc: ["body", "model"], msg: "Field required" };
  const echo = await message(422, { detail: [{ ...missing, input: CHAT }] });
  assert.deepEqual(JSON.parse(echo!), [{ loc: missing.loc, type: "missing", msg: "Field required" }]);
  assert.equal(await message(400, `bad request: ${JSON.stringify(CHAT)}`), "400 status code");
  const error = { message: "Slow down.", type: "tokens", code: "rate_limit_exceeded", param: null };
  assert.equal(await message(429, { error }), "Slow down.");
  assert.equal(
    await message(400, { error: { ...error, message: `Not allowed: ${SECRET}` } }),
    "400 rate_limit_exceeded",
  );
  assert.equal(await message(400, { error: { ...error, message: "no: my diagnosis i…" } }), "400 rate_limit_exceeded");
  assert.equal(await message(400, { error: { ...error, message: "x".repeat(201) } }), "400 rate_limit_exceeded");
  assert.equal(
    await message(404, { error: { message: "The model `gpt-4.1` does not exist" } }),
    "The model `gpt-4.1` does not exist",
  );
  assert.equal(await message(400, { error: { message: "no", code: SECRET, type: "a_type" } }), "no");
});

test("content off: a request that cannot be searched, and one that captures, say as much as is right", () => {
  const body = { error: { message: "Something about it", code: "bad" } };
  const off = { captures: { input: false, output: false }, method: "POST" };
  assert.equal(statusFailure(400, body, { ...off, request: undefined }).message, "400 bad");
  assert.equal(statusFailure(400, body, { ...off, request: { input: "y".repeat(70_000) } }).message, "400 bad");
  assert.equal(statusFailure(400, body, { ...off, method: "GET", request: undefined }).message, "Something about it");
  const on = { ...off, captures: { input: true, output: true }, request: undefined };
  assert.equal(statusFailure(400, body, on).message, "Something about it");
});

test("content off: an error in the stream, of the answer, of a tool, and what stands beside the prompt", async () => {
  const said = (spans: SpanRecord[]) => JSON.stringify(spans).includes(SECRET);
  const stream = { ...CHAT, stream: true };
  const inStream = await written("/chat/completions", stream, events([event({ error: { message: SECRET } })]));
  assert.deepEqual([inStream[0]!.error!.type, said(inStream)], ["APIError", false]);

  const request = { ...CHAT, stop: [SECRET], temperature: 0.2, metadata: { a: SECRET } };
  const chat = await written("/chat/completions", request, json(200, { ...COMPLETION, citations: [SECRET] }));
  assert.deepEqual([chat[0]!.genAi!.parameters, said(chat)], [{ temperature: 0.2 }, false]);

  const mcp = { id: "mcp", type: "mcp_call", name: "t", server_label: "s", error: { type: "x", content: SECRET } };
  const response = { id: "resp_content", object: "response", status: "failed", metadata: { a: SECRET }, output: [mcp] };
  const answer = { ...response, error: { code: "server_error", message: SECRET } };
  const spans = await written("/responses", { model: "m", input: SECRET }, json(200, answer));
  assert.deepEqual([spans.length, said(spans)], [2, false]);
  assert.ok(spans.every(({ level }) => level === "ERROR"));

  const made = { id: "asst_content", object: "assistant", model: "m", name: "Tutor", description: SECRET };
  const agent = await written("/assistants", { model: "m", name: "Tutor", description: SECRET }, json(200, made));
  assert.deepEqual([agent[0]!.genAi!.agent!.name, said(agent)], ["Tutor", false]);
});
