import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { promisify } from "node:util";
import { type FakeOpenAI, fakeOpenAI } from "sightline/testing";
import { type SourcePackage, sourcePackage } from "./support/programs.ts";

const run = promisify(execFile);
const root = new URL("..", import.meta.url);
const readme = await readFile(new URL("README.md", root), "utf8");
const snippets = snippetsOf(readme);
const pages = [
  "docs/openai.md",
  "docs/delivery.md",
  "docs/opentelemetry.md",
  "docs/langfuse.md",
  "docs/propagation.md",
  "docs/scores.md",
  "docs/monitors.md",
  "docs/logs.md",
  "docs/quality.md",
  "docs/incidents.md",
  "docs/channels.md",
  "docs/migration/langfuse.md",
  "docs/migration/langsmith.md",
  "docs/migration/opentelemetry.md",
];
let made: SourcePackage;
let server: FakeOpenAI;
/** A collector and a Langfuse that take everything. */
let receiver: Server;

before(async () => {
  made = await sourcePackage("readme");
  // What a snippet reads that it does not write.
  await writeFile(join(made.folder, "traces.ndjson"), "");
  server = await fakeOpenAI();
  receiver = createServer((request, response) => {
    request.resume().on("end", () => response.setHeader("content-type", "application/json").end("{}"));
  }).listen(0, "127.0.0.1");
  await once(receiver, "listening");
});
after(async () => {
  receiver.close();
  await server.close();
  await made.remove();
});

function snippetsOf(page: string): string[] {
  return [...page.matchAll(/```ts\n(.*?)```/gs)].map(([, source]) => source as string);
}

async function runSnippet(source: string, index: number | string) {
  const file = await made.write(`${index}`, source);
  const receiverUrl = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}`;
  const env = {
    ...process.env,
    SIGHTLINE_SINK: `file:${join(made.folder, `${index}.ndjson`)}`,
    OPENAI_API_KEY: server.apiKey,
    OPENAI_BASE_URL: server.baseURL,
    LANGFUSE_PUBLIC_KEY: "pk-lf-snippet",
    LANGFUSE_SECRET_KEY: "sk-lf-snippet",
    LANGFUSE_BASE_URL: receiverUrl,
    OTEL_EXPORTER_OTLP_ENDPOINT: receiverUrl,
  };
  return run(process.execPath, [file], { cwd: made.folder, env, timeout: 60_000 });
}

test("the README is at most 250 lines long and names its commands", () => {
  assert.ok(readme.split("\n").length <= 250);
  assert.match(readme, /npm ci && npm run demo/);
  assert.match(readme, /npm ci && npm test/);
});

for (const [index, source] of snippets.entries()) {
  test(`snippet ${index + 1} runs: ${source.split("\n").at(-2)}`, async () => {
    const { stderr } = await runSnippet(source, index);
    if (!source.includes("consoleSink()")) assert.equal(stderr, "");
    if (source.includes("configure(")) return;
    const records = await readFile(join(made.folder, `${index}.ndjson`), "utf8");
    assert.ok(records.trimEnd().split("\n").length >= 1, "what it traces is written where SIGHTLINE_SINK says");
  });
}

for (const page of pages) {
  test(`${page}: every snippet runs`, async () => {
    const found = snippetsOf(await readFile(new URL(page, root), "utf8"));
    assert.ok(found.length > 0);
    for (const [index, source] of found.entries()) {
      const file = `${page.replace(/\W/g, "-")}-${index}`;
      const { stderr } = await runSnippet(source, file);
      if (!source.includes("consoleSink()")) assert.equal(stderr, "", source);
    }
  });
}

test("the first snippet prints the tree that stands below it", async () => {
  const shown = readme.match(/```ts\n.*?```\n\n```\n(.*?)```/s)?.[1] ?? "";
  const { stderr } = await runSnippet(snippets[0] as string, snippets.length);
  // Ids, times and bars differ from run to run.
  const steady = (text: string) =>
    text
      .replace(/[0-9a-f]{8,}/g, "id")
      .replace(/[\d.]+ ?(ms|µs|s)\b/g, "time")
      .replace(/[━─▏▎▍▌▋▊▉█╴╶╸╺░▒▓·]+/g, " ")
      .replace(/[ \t]+/g, " ")
      .trim();
  assert.equal(steady(stderr), steady(shown));
});
