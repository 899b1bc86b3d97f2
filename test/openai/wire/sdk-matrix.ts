import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { configure, memorySink, observe, type SpanRecord, shutdown } from "sightline";
import { observeOpenAI, tracedFetch } from "sightline/openai";
import { type Decorate, plain } from "../../observe/conformance/target.ts";
import { play } from "../../observe/openai-conformance.ts";
import { PROGRAMS } from "../../observe/openai-programs.ts";
import { WIRE_PROGRAMS } from "./sdk-programs.ts";

type Connect = (options: { baseURL: string; apiKey: string }) => any;

/** A way to make a client, without us and with us. */
interface Way {
  readonly bare: Connect;
  readonly traced: Connect;
  readonly decorate: Decorate;
}

/**
 * Registers the tests of one major version of `openai`: each program runs against a real client and a real server, bare
 * and with `tracedFetch`, and must tell the same and ask the server for the same.
 */
export function sdkMatrix(OpenAI: any, label: string): void {
  const own: Connect = (options) => new OpenAI(options);
  const ways: Readonly<Record<string, Way>> = {
    // Only for 4 this is another fetch than its own.
    "fetch: tracedFetch()": {
      bare: (options) => new OpenAI({ ...options, fetch: globalThis.fetch }),
      traced: (options) => new OpenAI({ ...options, fetch: tracedFetch() }),
      decorate: plain,
    },
    "observeOpenAI(client)": { bare: own, traced: (options) => observeOpenAI(new OpenAI(options)), decorate: plain },
    "observeOpenAI(client) in observed methods": {
      bare: own,
      traced: (options) => observeOpenAI(new OpenAI(options)),
      decorate: observe,
    },
  };
  afterEach(() => shutdown());
  for (const [way, { bare, traced, decorate }] of Object.entries(ways)) {
    for (const [name, program] of Object.entries({ ...PROGRAMS, ...WIRE_PROGRAMS })) {
      test(`${label}, ${way}: ${name}`, async () => {
        const expected = await play(OpenAI, plain, program, bare);
        assert.ok(!expected.some((line) => line.startsWith("the program failed")), expected.join("\n"));
        const memory = memorySink();
        configure({ sinks: [memory], prices: false });
        assert.deepEqual(await play(OpenAI, decorate, program, traced), expected);
        // What nobody reads to its end, or may still be tried again, is written then.
        await shutdown();
        const spans = memory.all.filter((record): record is SpanRecord => record.record === "span");
        assert.ok(spans.length > 0 || expected.every((line) => !line.includes("/")), "nothing was recorded");
      });
    }
  }
}
