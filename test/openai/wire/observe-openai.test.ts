import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI, { AzureOpenAI } from "openai";
import OpenAI4, { AzureOpenAI as AzureOpenAI4 } from "openai4";
import OpenAI5, { AzureOpenAI as AzureOpenAI5 } from "openai5";
import { ConfigError } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { fakeOpenAI } from "sightline/testing";
import { recordedSpans } from "./recorded-spans.ts";
import { COMPLETION, json, scriptedServer } from "./scripted-server.ts";

const CLIENTS: [string, any, any][] = [
  ["openai 4", OpenAI4, AzureOpenAI4],
  ["openai 5", OpenAI5, AzureOpenAI5],
  ["openai 6", OpenAI, AzureOpenAI],
];
const CHAT = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "hi" }] };

for (const [name, Client, Azure] of CLIENTS) {
  test(`${name}: a client like the given one, which stays as it is`, async () => {
    await using fake = await fakeOpenAI();
    const bare = new Client({
      baseURL: fake.baseURL,
      apiKey: fake.apiKey,
      maxRetries: 0,
      timeout: 5000,
      organization: "org",
      defaultHeaders: { "x-mine": "1" },
      defaultQuery: { q: "1" },
    });
    const { fetch } = bare;
    const observed = observeOpenAI(bare);
    assert.notEqual(observed, bare);
    assert.ok(observed instanceof Client);
    assert.equal(bare.fetch, fetch);
    for (const key of ["baseURL", "apiKey", "maxRetries", "timeout", "organization"]) {
      assert.equal(observed[key], bare[key], key);
    }
    const spans = await recordedSpans(async () => {
      await observed.chat.completions.create(CHAT);
      await bare.chat.completions.create(CHAT);
    });
    assert.equal(spans.length, 1);
    const [one, two] = fake.requests;
    assert.deepEqual([one!.headers["x-mine"], one!.query], [two!.headers["x-mine"], two!.query]);
  });

  test(`${name}: a client is observed once`, async () => {
    await using fake = await fakeOpenAI();
    const observed = observeOpenAI(new Client({ baseURL: fake.baseURL, apiKey: fake.apiKey }));
    assert.equal(observeOpenAI(observed), observed);
    const traced = new Client({ apiKey: "k", fetch: tracedFetch() });
    assert.equal(observeOpenAI(traced), traced);
    const derived = observed.withOptions?.({ maxRetries: 1 }) ?? observed;
    assert.equal(observeOpenAI(derived), derived);
    const spans = await recordedSpans(() => observeOpenAI(derived).chat.completions.create(CHAT));
    assert.equal(spans.length, 1);
  });

  test(`${name}: the key is the one that the client has now`, async () => {
    const keys: (string | undefined)[] = [];
    await using server = await scriptedServer((request, response, body) => {
      keys.push(request.headers.authorization ?? String(request.headers["api-key"]));
      return json(200, COMPLETION)(request, response, body);
    });
    const azure = { endpoint: server.baseURL.slice(0, -3), apiKey: "old", apiVersion: "2026-01-01" };
    for (const bare of [new Client({ baseURL: server.baseURL, apiKey: "old" }), new Azure(azure)]) {
      bare.apiKey = "new";
      await observeOpenAI(bare).chat.completions.create(CHAT);
    }
    assert.deepEqual(keys, ["Bearer new", "new"]);
  });

  test(`${name}: Azure`, async () => {
    await using server = await scriptedServer(json(200, COMPLETION));
    const options = { endpoint: server.baseURL.slice(0, -3), apiKey: "k", apiVersion: "2026-01-01" };
    for (const deployment of [undefined, "prod"]) {
      const azure = observeOpenAI(new Azure({ ...options, deployment }));
      assert.ok(azure instanceof Azure);
      const [span] = await recordedSpans(() => azure.chat.completions.create(CHAT));
      assert.equal(span!.name, "chat gpt-4.1");
      assert.equal(span!.http!.route, "/chat/completions");
    }
    assert.equal(server.requests, 2);
  });
}

test("keys that a function gives are asked for anew", async () => {
  await using server = await scriptedServer(json(200, COMPLETION));
  const endpoint = server.baseURL.slice(0, -3);
  for (const [, Client, Azure] of CLIENTS) {
    let asked = 0;
    const token = async () => `token ${++asked}`;
    const azure = new Azure({ endpoint, azureADTokenProvider: token, apiVersion: "2026-01-01" });
    const openai = Client === OpenAI4 ? undefined : new Client({ baseURL: server.baseURL, apiKey: token });
    for (const client of [azure, openai]) {
      if (client === undefined) continue;
      asked = 0;
      const observed = observeOpenAI(client);
      await observed.chat.completions.create(CHAT);
      await observed.chat.completions.create(CHAT);
      assert.equal(asked, 2);
    }
  }
});

test("the type stays the client's", () => {
  const observed: OpenAI = observeOpenAI(new OpenAI({ apiKey: "k" }));
  assert.ok(observed.chat.completions);
});

test("options are passed on", async () => {
  await using fake = await fakeOpenAI();
  const openai = new OpenAI({ baseURL: fake.baseURL, apiKey: fake.apiKey });
  const [span] = await recordedSpans(() =>
    observeOpenAI(openai, { provider: "mine", captureContent: false }).chat.completions.create(CHAT),
  );
  assert.deepEqual([span!.genAi!.provider, span!.input, span!.output], ["mine", undefined, undefined]);
  assert.throws(() => observeOpenAI(openai, { maxBodyBytes: -1 }), ConfigError);
});

test("what is no client is named", () => {
  const things: [any, RegExp][] = [
    [undefined, /undefined/],
    [null, /null/],
    ["sk-…", /string/],
    [OpenAI, /function/],
    [new Map(), /class Map/],
    [Object.create(null), /without a class/],
    [{ fetch }, /class Object/],
  ];
  for (const [thing, named] of things) {
    assert.throws(
      () => observeOpenAI(thing),
      (error) => error instanceof ConfigError && error.code === "OPENAI_NO_CLIENT" && named.test(error.message),
    );
  }
});
