/** The processor and the carrier against the SDK's shapes; test/compat/agents has the SDK itself. */
import assert from "node:assert/strict";
import { AsyncLocalStorage } from "node:async_hooks";
import { test } from "node:test";
import { createNamespace, destroyNamespace } from "cls-hooked";
import {
  bind,
  configure,
  memorySink,
  observe,
  type SpanRecord,
  shutdown,
  snapshot,
  stats,
  suppress,
  withContext,
  withSpan,
  withTrace,
} from "sightline";
import { clsHookedCarrier } from "sightline/interop/cls-hooked";
import {
  type AgentsSpan,
  type AgentsTraceProcessor,
  agentsCarrier,
  agentsTraceProcessor,
} from "sightline/interop/openai-agents";
import { recordResponse } from "sightline/openai";
import { agentsState } from "../../src/interop/agents-context.ts";
import { traced } from "../support/traced.ts";

type Data = { type: string; [name: string]: unknown };
type OpenSpan = { -readonly [K in keyof AgentsSpan]: AgentsSpan[K] };

const storage = new AsyncLocalStorage<OpenSpan>();
const getCurrentSpan = (): AgentsSpan | null => storage.getStore() ?? null;
const CARRIER = { carrier: agentsCarrier(getCurrentSpan) };
let count = 0;

/** What the SDK does around its work. */
function sdk(processor: AgentsTraceProcessor = agentsTraceProcessor(), now: () => number = Date.now) {
  const iso = () => new Date(now()).toISOString();
  return {
    async trace<T>(fn: (traceId: string) => T, about: { groupId?: string; metadata?: Record<string, unknown> } = {}) {
      const trace = { traceId: `trace_${++count}`, name: "Agent workflow", groupId: null, ...about };
      await processor.onTraceStart(trace);
      const result = await fn(trace.traceId);
      await processor.onTraceEnd(trace);
      return result;
    },
    async span<T>(traceId: string, spanData: Data, fn?: (span: OpenSpan) => T, parent = storage.getStore()) {
      const span: OpenSpan = {
        traceId,
        spanId: `span_${++count}`,
        parentId: parent?.spanId ?? null,
        startedAt: iso(),
        endedAt: null,
        spanData,
        previousSpan: parent,
        error: null,
      };
      return storage.run(span, async () => {
        void processor.onSpanStart(span);
        const result = await fn?.(span);
        span.endedAt = iso();
        await processor.onSpanEnd(span);
        return result as Awaited<T>;
      });
    },
  };
}

const spansOf = (sink: { records: readonly unknown[] }) => sink.records as readonly SpanRecord[];
const named = (sink: { records: readonly unknown[] }, name: string) => {
  const found = spansOf(sink).filter((record) => record.name === name);
  assert.equal(found.length, 1, `${name}: ${found.length} of ${spansOf(sink).map((record) => record.name)}`);
  return found[0]!;
};
/** `child < parent < …` of the one record with this name. */
function path(sink: { records: readonly unknown[] }, name: string): string {
  const { parentSpanId } = named(sink, name);
  const parent = spansOf(sink).find(({ spanId }) => spanId === parentSpanId);
  return parent === undefined ? name : `${name} < ${path(sink, parent.name)}`;
}

/** One span of each kind, alone in a trace. */
async function recorded(spanData: Data, error: AgentsSpan["error"] = null): Promise<SpanRecord> {
  const { trace, span } = sdk();
  const sink = await traced(() => trace((id) => span(id, spanData, (open) => void (open.error = error))), CARRIER);
  assert.equal(sink.records.length, 1);
  return spansOf(sink)[0]!;
}

test("each type of the SDK", async () => {
  const audio = { data: Buffer.from("abc").toString("base64"), format: "pcm" };
  const blob = [{ type: "blob", modality: "audio", mime_type: "audio/pcm", bytes: 3 }];
  const cases: [Data, Partial<SpanRecord>][] = [
    [
      { type: "task", name: "Homework" },
      { name: "Homework", type: "chain" },
    ],
    [
      { type: "turn", turn: 2, agent_name: "A" },
      { name: "turn 2", type: "span", metadata: { agent: "A" } },
    ],
    [
      { type: "agent", name: "Tutor", tools: ["lookup"], handoffs: [], output_type: "text" },
      {
        name: "invoke_agent Tutor",
        type: "agent",
        genAi: { operation: "invoke_agent", agent: { name: "Tutor" } },
        metadata: { tools: ["lookup"], output_type: "text" },
      },
    ],
    [
      { type: "function", name: "lookup", input: '{"term":"x"}', output: '["y"]', mcp_data: '{"server":"s"}' },
      {
        name: "execute_tool lookup",
        type: "tool",
        input: { term: "x" },
        output: ["y"],
        genAi: { operation: "execute_tool", tool: { name: "lookup", type: "function" } },
        metadata: { mcp: { server: "s" } },
      },
    ],
    [
      { type: "function", name: "count", input: "no json", output: "42" },
      { input: "no json", output: "42" },
    ],
    [
      { type: "handoff", from_agent: "A", to_agent: "B" },
      { name: "handoff B", type: "span", metadata: { from_agent: "A", to_agent: "B" } },
    ],
    [
      { type: "guardrail", name: "polite", triggered: true },
      { name: "guardrail polite", type: "guardrail", output: { triggered: true }, level: "WARNING" },
    ],
    [
      { type: "mcp_tools", server: "files", result: ["read", "write"] },
      { name: "list_tools files", type: "span", output: ["read", "write"] },
    ],
    [
      { type: "transcription", model: "whisper-1", input: audio, output: "said", model_config: { language: "en" } },
      {
        name: "transcription whisper-1",
        type: "generation",
        kind: "client",
        input: blob as never,
        output: "said",
        genAi: { requestModel: "whisper-1", parameters: { language: "en" }, provider: "openai" },
      },
    ],
    [
      { type: "speech", model: "tts-1", input: "say", output: audio },
      { name: "text_to_speech tts-1", type: "generation", input: "say", output: blob as never },
    ],
    [
      { type: "speech_group", input: "say" },
      { name: "speech group", type: "span", input: "say" },
    ],
    [
      { type: "custom", name: "mine", data: { a: 1 } },
      { name: "mine", type: "span", metadata: { a: 1 } },
    ],
    [
      { type: "of the future", a: 1 },
      { name: "of the future", type: "span", metadata: { a: 1 } },
    ],
    [
      { type: "generation", model: "llama", input: [{ role: "user", content: "q" }], usage: { input_tokens: 3 } },
      { name: "chat llama", type: "generation", usage: { inputTokens: 3 } },
    ],
    [
      { type: "response", response_id: "resp_secret" },
      { name: "chat", type: "generation", genAi: { operation: "chat", provider: "openai", responseId: "resp_secret" } },
    ],
  ];
  for (const [data, wanted] of cases) {
    const record: any = await recorded(data);
    for (const [key, value] of Object.entries(wanted)) assert.deepEqual(record[key], value, `${data.type}: ${key}`);
    assert.equal(record.usage === undefined, data["usage"] === undefined, data.type);
  }
});

test("what the SDK calls its items becomes the API's messages; hosted tools are spans of their own", async () => {
  const response = {
    id: `resp_${++count}`,
    object: "response",
    status: "completed",
    model: "gpt-4o-2024-08-06",
    output: [
      { type: "web_search_call", id: "ws_1", status: "completed", action: { type: "search", query: "x" } },
      { type: "message", role: "assistant", content: [{ type: "output_text", text: "14", annotations: [] }] },
    ],
    usage: { input_tokens: 4, output_tokens: 2, total_tokens: 6 },
  };
  const _input = [
    { type: "message", role: "user", content: [{ type: "input_image", image: "https://x.org/a.png" }] },
    { type: "hosted_tool_call", name: "file_search_call", providerData: { type: "file_search_call", id: "fs_1" } },
    { type: "function_call_result", callId: "call_1", name: "f", output: { type: "text", text: "7" } },
  ];
  const { trace, span } = sdk();
  const sink = await traced(
    () => trace((id) => span(id, { type: "response", response_id: response.id, _input, _response: response })),
    CARRIER,
  );
  const call: any = named(sink, "chat gpt-4o-2024-08-06");
  assert.deepEqual(
    call.input[0].parts,
    [{ type: "image", modality: "image", uri: "https://x.org/a.png" }].map((part) => ({ ...part, type: "uri" })),
  );
  assert.equal(call.input[1].parts[0].type, "server_tool_call");
  assert.deepEqual(call.input[2].parts, [{ type: "tool_call_response", id: "call_1", response: "7" }]);
  assert.deepEqual([call.usage.totalTokens, call.usage.webSearchCalls], [6, 1]);
  assert.equal(path(sink, "execute_tool web_search"), "execute_tool web_search < chat gpt-4o-2024-08-06");
});

test("a response that failed, and one that another has recorded", async () => {
  const failed: any = await recorded({
    type: "response",
    _response: { id: `resp_${++count}`, status: "failed", error: { code: "server_error", message: "m" }, output: [] },
  });
  assert.deepEqual([failed.status.code, failed.error.code], ["error", "server_error"]);

  const response = { id: `resp_${++count}`, status: "completed", model: "m", output: [], usage: { input_tokens: 4 } };
  const { trace, span } = sdk();
  const sink = await traced(
    () =>
      trace((id) =>
        span(id, { type: "response", response_id: response.id, _response: response }, () => {
          assert.equal(recordResponse(response).recorded, true);
        }),
      ),
    CARRIER,
  );
  const { spanId } = named(sink, "chat m");
  const around = named(sink, "model call");
  assert.equal(path(sink, "chat m"), "chat m < model call");
  assert.deepEqual([around.type, around.usage, around.input], ["span", undefined, undefined]);
  assert.deepEqual(around.metadata, { response_id: response.id, recorded_as: spanId });
});

test("errors are marked, with what the SDK says of them", async () => {
  const data = { tool_name: "lookup", error: "Error: no chalk" };
  const record: any = await recorded({ type: "function", name: "lookup" }, { message: "Error running tool", data });
  assert.equal(record.status.code, "error");
  assert.equal(record.error.message, "Error running tool: Error: no chalk");
  assert.deepEqual(record.metadata, { error: data });
});

test("times are the SDK's", async () => {
  const times = [Date.parse("2026-01-01T00:00:00Z"), Date.parse("2026-01-01T00:00:03Z")];
  const { trace, span } = sdk(agentsTraceProcessor(), () => times.shift()!);
  const sink = await traced(() => trace((id) => span(id, { type: "task", name: "t" })), CARRIER);
  const [{ startTime, endTime }] = spansOf(sink) as [SpanRecord];
  assert.deepEqual([startTime, endTime], ["1767225600000000000", "1767225603000000000"]);
});

test("whichever span became current inside the other is the parent", async () => {
  const leaf = observe("leaf", async () => 1);
  const { trace, span } = sdk();
  const sink = await traced(async () => {
    const remote = { traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01" };
    await withSpan("outer", async () => {
      const inOuter = snapshot();
      await trace((id) =>
        span(id, { type: "task", name: "task" }, () =>
          span(id, { type: "function", name: "tool" }, async () => {
            await withSpan("ours", async () => {
              await leaf();
              await span(id, { type: "function", name: "inner" }, () => withSpan("below", () => 1));
              await withSpan("again", () => 1);
            });
            await withSpan("after", () => 1);
            await inOuter(() => withSpan("bound", () => 1));
            await withContext(remote, () => withSpan("remote", () => 1));
            await suppress(() => withSpan("suppressed", () => 1));
            await withTrace({ feature: "f" }, () => withSpan("traced", () => 1));
          }),
        ),
      );
    });
  }, CARRIER);
  const tool = "execute_tool tool < task < outer";
  assert.equal(path(sink, "leaf"), `leaf < ours < ${tool}`);
  assert.equal(path(sink, "below"), `below < execute_tool inner < ours < ${tool}`);
  assert.equal(path(sink, "again"), `again < ours < ${tool}`);
  assert.equal(path(sink, "after"), `after < ${tool}`);
  assert.equal(path(sink, "bound"), "bound < outer");
  assert.equal(path(sink, "traced"), `traced < ${tool}`);
  assert.equal(named(sink, "remote").parentSpanId, "b7ad6b7169203331");
  assert.ok(!spansOf(sink).some(({ name }) => name === "suppressed"));
});

test("a processor that is told late: spans begin when they are first asked for, with those above them", async () => {
  const processor = agentsTraceProcessor();
  const told: (() => Promise<void>)[] = [];
  const behind = {
    ...processor,
    onSpanStart: async (span: AgentsSpan) => void told.push(() => processor.onSpanStart(span)),
    onSpanEnd: async (span: AgentsSpan) => void told.push(() => processor.onSpanEnd(span)),
  };
  const { trace, span } = sdk(behind);
  const work = () => withSpan("ours", () => 1);
  const sink = await traced(async () => {
    await withSpan("outer", () =>
      trace((id) =>
        span(id, { type: "task", name: "task" }, () =>
          span(id, { type: "turn", turn: 1 }, () => span(id, { type: "function", name: "tool" }, work)),
        ),
      ),
    );
    for (const tell of told) await tell();
  }, CARRIER);
  assert.equal(path(sink, "ours"), "ours < execute_tool tool < turn 1 < task < outer");
  assert.equal(sink.records.length, 5);
});

test("what is started in a tool and goes on after it stays under it", async () => {
  const { trace, span } = sdk();
  const late: Promise<unknown>[] = [];
  const sink = await traced(async () => {
    await trace((id) =>
      span(id, { type: "task", name: "task" }, async (task) => {
        await span(id, { type: "function", name: "tool" }, (tool) => {
          late.push(
            withSpan("ours", async () => {
              await new Promise((resolve) => setTimeout(resolve, 5));
              // The SDK has put the tool's span away by then.
              await storage.run(task, () => withSpan("late", () => 1));
              assert.notEqual(tool.endedAt, null);
            }),
          );
        });
        await late[0];
      }),
    );
  }, CARRIER);
  assert.equal(path(sink, "late"), "late < ours < execute_tool tool < task");
});

test("bound functions and generators run where they were bound", async () => {
  const numbers = observe("numbers", async function* () {
    yield withSpan("one", () => 1);
    yield withSpan("two", () => 2);
  });
  const { trace, span } = sdk();
  const sink = await traced(
    () =>
      withSpan("outer", () =>
        trace(async (id) => {
          const source = numbers();
          let inTool = (): unknown => 1;
          await span(id, { type: "function", name: "a" }, () => {
            inTool = bind(() => withSpan("bound", () => 1));
          });
          await span(id, { type: "function", name: "b" }, async () => {
            for await (const _ of source) await withSpan(`got ${_}`, () => 1);
            inTool();
          });
        }),
      ),
    CARRIER,
  );
  for (const name of ["one", "two"]) assert.equal(path(sink, name), `${name} < numbers < outer`);
  for (const name of ["got 1", "got 2"]) assert.equal(path(sink, name), `${name} < execute_tool b < outer`);
  assert.equal(path(sink, "bound"), "bound < execute_tool a < outer");
});

test("around a cls-hooked carrier", async () => {
  const namespace = createNamespace("agents");
  try {
    const { trace, span } = sdk();
    const work = () => withSpan("ours", () => withSpan("below", () => 1));
    const sink = await traced(
      () => withSpan("outer", () => trace((id) => span(id, { type: "function", name: "tool" }, work))),
      {
        carrier: agentsCarrier(getCurrentSpan, clsHookedCarrier(namespace)),
      },
    );
    assert.equal(path(sink, "below"), "below < ours < execute_tool tool < outer");
  } finally {
    destroyNamespace("agents");
  }
});

test("a group is the session of a trace that has none; metadata is on what begins the run", async () => {
  const { trace, span } = sdk();
  const about = { groupId: "g-1", metadata: { plan: "pro" } };
  const once = () =>
    trace((id) => span(id, { type: "task", name: "task" }, () => span(id, { type: "custom", name: "step" })), about);
  const alone = await traced(once, CARRIER);
  assert.deepEqual(named(alone, "task").metadata, { plan: "pro" });
  assert.equal(named(alone, "step").metadata, undefined);
  assert.deepEqual(named(alone, "step").trace, { name: "Agent workflow", sessionId: "g-1" });
  const within = await traced(
    () => withTrace({ sessionId: "s-1", name: "mine" }, () => withSpan("outer", once)),
    CARRIER,
  );
  assert.deepEqual(named(within, "task").trace, { name: "mine", sessionId: "s-1" });
  const twice = () =>
    trace(async (id) => {
      await span(id, { type: "task", name: "first" });
      await span(id, { type: "task", name: "second" });
    }, about);
  const seeded = await traced(() => withTrace({ userId: "u" }, twice), CARRIER);
  const [first, second] = [named(seeded, "first"), named(seeded, "second")];
  assert.equal(first.traceId, second.traceId);
  assert.deepEqual(second.trace, { name: "Agent workflow", sessionId: "g-1", userId: "u" });
  assert.deepEqual([first.parentSpanId, second.parentSpanId], [undefined, undefined]);
});

test("nothing is kept when runs are over, also when spans end after their trace", async () => {
  const processor = agentsTraceProcessor();
  const { trace, span } = sdk(processor);
  let end = (): void => {};
  const sink = await traced(async () => {
    let streamed: Promise<unknown> | undefined;
    await trace((id) => {
      streamed = span(id, { type: "task", name: "task" }, () => new Promise<void>((resolve) => (end = resolve)));
    });
    end();
    await streamed;
  }, CARRIER);
  assert.equal(named(sink, "task").unfinished, undefined);
  const { spans, traces } = agentsState();
  assert.deepEqual([spans.size, traces.size], [0, 0]);

  // The end of these is never told.
  await traced(async () => {
    for (let i = 0; i < 1_200; i++) {
      await processor.onTraceStart({ traceId: `t_${i}`, name: "n", groupId: null });
      void span(`t_${i}`, { type: "task", name: "task" }, () => new Promise(() => {}));
    }
    assert.ok(traces.size <= 1_000 && spans.size <= 1_000);
  }, CARRIER);
  spans.clear();
  traces.clear();
});

test("spans that are dispatched twice, or end only, are recorded once", async () => {
  const processor = agentsTraceProcessor();
  const span = (spanId: string, parentId: string | null): AgentsSpan => {
    const at = new Date().toISOString();
    return {
      traceId: "trace_r",
      spanId,
      parentId,
      startedAt: at,
      endedAt: at,
      spanData: { type: "task" },
      error: null,
    };
  };
  const { lateUpdates } = stats();
  const sink = await traced(async () => {
    await processor.onSpanStart(span("a", null));
    await processor.onSpanStart(span("a", null));
    await processor.onSpanEnd(span("a", null));
    await processor.onSpanEnd(span("a", null));
    await processor.onSpanEnd(span("b", "a"));
  }, CARRIER);
  const [a, b] = spansOf(sink) as [SpanRecord, SpanRecord];
  assert.equal(sink.records.length, 2);
  assert.equal(b.parentSpanId, a.spanId);
  assert.equal(stats().lateUpdates, lateUpdates);
  agentsState().spans.clear();
  agentsState().traces.clear();
});

test("whatever the SDK hands over, nothing is thrown into it", async () => {
  const processor = agentsTraceProcessor();
  const hostile = (fields: object): any =>
    new Proxy(fields, {
      get(target, key) {
        if (Reflect.has(target, key)) return Reflect.get(target, key);
        throw new Error("on purpose");
      },
    });
  const base = { traceId: "trace_h", spanId: "h1", parentId: "h1", startedAt: "never", endedAt: "", error: null };
  const odd: any[] = [
    undefined,
    null,
    {},
    hostile({}),
    hostile(base),
    { ...base, spanId: "h2", parentId: "h3", spanData: null },
    { ...base, spanId: "h3", parentId: "h2", spanData: { type: "response", _response: hostile({}), _input: [null] } },
    { ...base, spanId: "h4", spanData: { type: "response", _response: "text", _input: 3 }, error: 5 },
    { ...base, spanId: "h5", spanData: { type: "generation", output: [{ choices: 3 }], model_config: 4 } },
    { ...base, spanId: "h6", spanData: { type: "__proto__", output: 1n } },
    { ...base, spanId: "h7", spanData: { type: "function", name: 3, input: {}, output: Symbol("s") } },
  ];
  await traced(async () => {
    for (const each of odd) {
      await processor.onTraceStart(each);
      await processor.onSpanStart(each);
      await processor.onSpanEnd(each);
      await processor.onTraceEnd(each);
    }
    assert.equal(stats().open, 0);
  }, CARRIER);
  const broken = agentsCarrier(() => {
    throw new Error("on purpose");
  });
  const sink = await traced(() => withSpan("outer", () => withSpan("inner", () => 1)), { carrier: broken });
  assert.equal(path(sink, "inner"), "inner < outer");
  agentsState().spans.clear();
  agentsState().traces.clear();
});

test("with tracing off nothing happens; flushing is ours, shutting down is not the SDK's", async () => {
  const processor = agentsTraceProcessor();
  const { trace, span } = sdk(processor);
  const once = () => trace((id) => span(id, { type: "task", name: "task" }));
  configure({ enabled: false });
  await once();
  await processor.forceFlush();
  const sink = memorySink();
  configure({ sinks: [sink], ...CARRIER });
  await once();
  await processor.shutdown(100);
  assert.equal(sink.records.length, 1);
  await once();
  await processor.forceFlush();
  assert.equal(sink.records.length, 2);
  await shutdown();
});
