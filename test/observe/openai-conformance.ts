import assert from "node:assert/strict";
import { test } from "node:test";
import { configure, flush, memorySink, observe, type SpanRecord } from "sightline";
import { fakeOpenAI } from "sightline/testing";
import { listenToProcess } from "./conformance/play.ts";
import { type Decorate, plain } from "./conformance/target.ts";
import { createWorld } from "./conformance/world.ts";
import { createService, PROGRAMS, type Program } from "./openai-programs.ts";

/** Ids and times differ from one server to the next. */
function normalise(line: string): string {
  return line.replace(/\b([a-z]+)[_-][A-Za-z0-9]{16,}/g, "$1_…").replace(/sk-\w+/g, "sk-…");
}

/** Runs a program against a fresh server; what it could see, and what the server was asked for. */
export async function play(
  OpenAI: any,
  o: Decorate,
  program: Program,
  connect: (options: { baseURL: string; apiKey: string }) => any = (options) => new OpenAI(options),
): Promise<string[]> {
  // Only 4 has no `withOptions`; there the path parameters are in another order and `parse` is in beta.
  const isV4 = typeof OpenAI.prototype.withOptions !== "function";
  await using fake = await fakeOpenAI(program.options);
  const client = connect({ baseURL: fake.baseURL, apiKey: program.key ?? fake.apiKey });
  const w = createWorld(false);
  const restore = listenToProcess(w);
  try {
    await program.run({ svc: createService(o, client, isV4), w, client, OpenAI, fake });
    await w.turn(5);
  } catch (error) {
    w.log("the program failed", { error });
  } finally {
    restore();
  }
  const requests = fake.requests.map(
    ({ method, path, headers }) => `${method} ${path} ${headers["x-stainless-retry-count"]}`,
  );
  return [...w.lines, ...requests].map(normalise);
}

/**
 * Registers the tests of one major version of `openai`: each program runs against a real client, plain and observed, and
 * must tell the same and ask the server for the same.
 */
export function openaiConformance(OpenAI: any, label: string): void {
  for (const [name, program] of Object.entries(PROGRAMS)) {
    test(`${label}: ${name}`, async () => {
      const expected = await play(OpenAI, plain, program);
      assert.ok(!expected.some((line) => line.startsWith("the program failed")), expected.join("\n"));
      const memory = memorySink();
      configure({ sinks: [memory] });
      assert.deepEqual(await play(OpenAI, observe, program), expected);
      await flush();
      const spans = memory.all.filter((record): record is SpanRecord => record.record === "span");
      const names = spans.map((span) => `${span.name} ${span.status.code}`);
      assert.equal(spans.length, program.ended, `ended: ${names.join()}`);
      assert.equal(new Set(spans.map((span) => span.spanId)).size, spans.length, "each span ends once");
    });
  }
}
