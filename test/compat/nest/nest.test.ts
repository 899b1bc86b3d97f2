import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { INestApplication } from "@nestjs/common";
import { configure, flush, memorySink, shutdown } from "sightline";
import { createApp, PLACES, type Place } from "./app.js";

const admin = { "x-role": "admin", "x-user": "ada" };
const REQUESTS: Record<string, [path: string, init?: RequestInit]> = {
  open: ["/answers/open"],
  "denied without a role": ["/answers/secret"],
  "denied with another role": ["/answers/secret", { headers: { "x-role": "guest" } }],
  "let in": ["/answers/secret", { headers: admin }],
  post: [
    "/answers/ask/3?mood=calm",
    { method: "POST", body: JSON.stringify({ text: "why?" }), headers: { "content-type": "application/json" } },
  ],
  observable: ["/answers/stream"],
  redirect: ["/answers/away", { redirect: "manual" }],
  found: ["/answers/7"],
  "refused by a pipe": ["/answers/seven"],
  "not found": ["/answers/404"],
  "caught by a filter": ["/answers/418"],
  "no route": ["/nowhere"],
};
const sink = memorySink();
const apps = new Map<Place, INestApplication>();

before(async () => {
  configure({ sinks: [sink] });
  for (const place of PLACES) {
    const app = await createApp(place);
    await app.listen(0, "127.0.0.1");
    apps.set(place, app);
  }
});

after(async () => {
  for (const app of apps.values()) await app.close();
  await shutdown();
});

async function ask(place: Place, [path, init]: [string, RequestInit?]) {
  const response = await fetch((await apps.get(place)!.getUrl()) + path, init);
  const { date: _, ...headers } = Object.fromEntries(response.headers);
  return { status: response.status, headers, body: await response.text() };
}

/** `parent > child` of every span, sorted. */
async function spansOf(place: Place, request: [string, RequestInit?]): Promise<string[]> {
  await flush();
  sink.clear();
  await ask(place, request);
  await flush();
  const spans = sink.records.flatMap((record) => (record.record === "span" ? [record] : []));
  const named = new Map(spans.map((span) => [span.spanId, span.name]));
  const path = ({ name, parentSpanId }: { name: string; parentSpanId?: string }) =>
    parentSpanId === undefined ? name : `${named.get(parentSpanId)} > ${name}`;
  return spans.map((span) => `${path(span)} ${span.status.code}`).sort();
}

test("decorators are the legacy protocol, with emitted types", async () => {
  let given = 0;
  const count = (...args: unknown[]): void => void (given = args.length);
  class Probe {
    @count method(_: string): void {}
  }
  assert.equal(given, 3);
  assert.deepEqual(Reflect.getMetadata("design:paramtypes", Probe.prototype, "method"), [String]);
});

test("without @observe the application answers as written", async () => {
  const answers: Record<string, unknown> = {};
  for (const [name, request] of Object.entries(REQUESTS)) answers[name] = (await ask("none", request)).status;
  assert.deepEqual(answers, {
    open: 200,
    "denied without a role": 403,
    "denied with another role": 403,
    "let in": 200,
    post: 202,
    observable: 200,
    redirect: 302,
    found: 200,
    "refused by a pipe": 400,
    "not found": 404,
    "caught by a filter": 418,
    "no route": 404,
  });
  const { body } = await ask("none", REQUESTS["let in"]!);
  const route = { handler: "secret", length: 1, roles: ["admin"] };
  assert.deepEqual(JSON.parse(body), { route, answer: { secret: "for ada" } });
  assert.deepEqual(sink.records, []);
});

for (const place of PLACES.slice(1)) {
  for (const [name, request] of Object.entries(REQUESTS)) {
    test(`@observe() ${place}: ${name}: status, headers and body as without`, async () => {
      assert.deepEqual(await ask(place, request), await ask("none", request));
    });
  }

  test(`@observe() ${place}: the trace`, async () => {
    assert.deepEqual(await spansOf(place, REQUESTS["found"]!), [
      "AnswersController.one > Answers.find ok",
      "AnswersController.one ok",
    ]);
    assert.deepEqual(await spansOf(place, REQUESTS["not found"]!), [
      "AnswersController.one > Answers.find error",
      "AnswersController.one error",
    ]);
    assert.deepEqual(await spansOf(place, REQUESTS["open"]!), ["AnswersController.open ok"]);
    assert.deepEqual(await spansOf(place, REQUESTS["denied without a role"]!), []);
  });
}
