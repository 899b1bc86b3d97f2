import assert from "node:assert/strict";
import { test } from "node:test";
import { recordResponse } from "sightline/openai";
import { planResponse } from "../../src/openai/response-plan.ts";
import { traced } from "../support/traced.ts";
import { aResponse, said, T0, tokens, type Wire } from "./response-payloads.ts";

const PIXELS = Buffer.alloc(3000, 7).toString("base64");

async function generation(part: Wire, options: Wire = {}): Promise<Wire> {
  const sink = await traced(() => void recordResponse(aResponse(part), options));
  return sink.get("generation").record;
}

test("all parts of all input items are kept, payloads as their size", async () => {
  const input = [
    { role: "developer", content: "Be brief." },
    {
      type: "message",
      role: "user",
      content: [
        { type: "input_text", text: "What is this?" },
        { type: "input_image", image_url: `data:image/png;base64,${PIXELS}`, detail: "low" },
        { type: "input_image", image_url: "https://example.com/a.png" },
        { type: "input_image", file_id: "file-1", detail: "auto" },
        { type: "input_file", filename: "a.pdf", file_data: `data:application/pdf;base64,${PIXELS}` },
        { type: "input_file", file_id: "file-2" },
        { type: "input_file", file_url: "https://example.com/a.pdf" },
        { type: "input_audio", input_audio: { data: PIXELS, format: "wav" } },
        { type: "input_hologram", depth: 3, data: PIXELS },
        "loose words",
      ],
    },
    { type: "reasoning", id: "rs_1", summary: [], encrypted_content: PIXELS },
    {
      type: "message",
      role: "assistant",
      phase: "commentary",
      content: [{ type: "output_text", text: "Let me see." }],
    },
    { type: "function_call", id: "fc_1", call_id: "call_1", name: "look", arguments: '{"at":1}' },
    { type: "function_call_output", call_id: "call_1", output: '{"seen":true}' },
    {
      type: "function_call_output",
      call_id: "call_2",
      output: [{ type: "input_image", image_url: `data:image/png;base64,${PIXELS}` }],
    },
    { type: "custom_tool_call_output", call_id: "call_3", output: "done" },
    { type: "computer_call_output", call_id: "call_4", output: { type: "computer_screenshot", file_id: "file-3" } },
    { type: "local_shell_call_output", id: "call_5", output: "total 0" },
    { type: "shell_call_output", call_id: "call_6", output: [{ stdout: "hi", stderr: "", outcome: { type: "exit" } }] },
    { type: "apply_patch_call_output", call_id: "call_7", status: "completed", output: "ok" },
    { type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true },
    { type: "item_reference", id: "msg_0" },
    { type: "compaction", id: "cmp_1", encrypted_content: PIXELS },
    { type: "some_new_item", payload: { image: `data:image/png;base64,${PIXELS}` }, note: "kept" },
    "a bare string",
  ];
  const { input: messages } = await generation({}, { request: { input } });
  assert.deepEqual(messages, [
    { role: "developer", parts: [{ type: "text", content: "Be brief." }] },
    {
      role: "user",
      parts: [
        { type: "text", content: "What is this?" },
        { type: "blob", modality: "image", mime_type: "image/png", bytes: 3000, detail: "low" },
        { type: "uri", modality: "image", uri: "https://example.com/a.png" },
        { type: "file", modality: "image", file_id: "file-1", detail: "auto" },
        { type: "blob", modality: "document", mime_type: "application/pdf", bytes: 3000, filename: "a.pdf" },
        { type: "file", modality: "document", file_id: "file-2" },
        { type: "uri", modality: "document", uri: "https://example.com/a.pdf" },
        { type: "blob", modality: "audio", mime_type: "audio/wav", bytes: 3000 },
        { type: "input_hologram", depth: 3, data: { bytes: 3000 } },
        { type: "text", content: "loose words" },
      ],
    },
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "", encrypted_bytes: PIXELS.length },
        { type: "text", content: "Let me see.", phase: "commentary" },
        { type: "tool_call", id: "call_1", name: "look", arguments: { at: 1 } },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_1", response: '{"seen":true}' }] },
    {
      role: "tool",
      parts: [
        {
          type: "tool_call_response",
          id: "call_2",
          response: [{ type: "blob", modality: "image", mime_type: "image/png", bytes: 3000 }],
        },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_3", response: "done" }] },
    {
      role: "tool",
      parts: [
        {
          type: "tool_call_response",
          id: "call_4",
          response: [{ type: "file", modality: "image", file_id: "file-3" }],
        },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_5", response: "total 0" }] },
    {
      role: "tool",
      parts: [
        {
          type: "tool_call_response",
          id: "call_6",
          response: [{ stdout: "hi", stderr: "", outcome: { type: "exit" } }],
        },
      ],
    },
    { role: "tool", parts: [{ type: "tool_call_response", id: "call_7", response: "ok" }] },
    { role: "user", parts: [{ type: "mcp_approval_response", approval_request_id: "mcpr_1", approve: true }] },
    {
      role: "assistant",
      parts: [
        { type: "item_reference", id: "msg_0" },
        { type: "compaction", id: "cmp_1", bytes: PIXELS.length },
        { type: "some_new_item", payload: { image: { bytes: 3000 } }, note: "kept" },
      ],
    },
    { role: "user", parts: [{ type: "text", content: "a bare string" }] },
  ]);
  assert.ok(!JSON.stringify(messages).includes(PIXELS.slice(0, 64)));
});

test("what is no item is kept as it is", async () => {
  const { input } = await generation({}, { request: { input: [5, null, true, [], { role: "user", words: "hi" }] } });
  assert.deepEqual(input, [
    {
      role: "assistant",
      parts: [
        { type: "unknown", value: 5 },
        { type: "unknown", value: null },
        { type: "unknown", value: true },
        { type: "unknown" },
      ],
    },
    { role: "user", parts: [{ type: "message", role: "user", words: "hi" }] },
  ]);
});

test("instructions that are items are system instructions", async () => {
  const instructions = [{ type: "message", role: "system", content: [{ type: "input_text", text: "Be brief." }] }];
  const { genAi } = await generation({ instructions });
  assert.deepEqual(genAi.systemInstructions, [{ type: "text", content: "Be brief." }]);
});

test("parallel function calls are parts of one message, in their order, and no spans", async () => {
  const call = (n: number, args: string): Wire => ({
    type: "function_call",
    id: `fc_${n}`,
    call_id: `call_${n}`,
    name: "check",
    arguments: args,
    status: "completed",
  });
  const output = [
    { type: "reasoning", id: "rs_1", summary: [{ type: "summary_text", text: "Check both." }] },
    call(1, '{"x":1}'),
    call(2, "{x:"),
    { type: "custom_tool_call", id: "ctc_1", call_id: "call_3", name: "sql", input: "SELECT 1" },
    { type: "local_shell_call", id: "lsh_1", call_id: "call_4", action: { type: "exec", command: ["ls"], env: {} } },
    { type: "apply_patch_call", id: "apc_1", call_id: "call_5", operation: { type: "delete_file", path: "a" } },
    {
      type: "computer_call",
      id: "cu_1",
      call_id: "call_6",
      action: { type: "click", x: 1, y: 2, button: "left" },
      pending_safety_checks: [{ id: "sc_1", code: "malicious_instructions", message: "Careful." }],
    },
  ];
  const sink = await traced(() => void recordResponse(aResponse({ output })));
  sink.expectTree("chat gpt-5-2025-08-07 [generation]");
  const { record } = sink.get("generation");
  assert.deepEqual(record.genAi?.finishReasons, ["tool_call"]);
  assert.deepEqual(record.output, [
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Check both." },
        { type: "tool_call", id: "call_1", name: "check", arguments: { x: 1 } },
        { type: "tool_call", id: "call_2", name: "check", arguments: "{x:" },
        { type: "tool_call", id: "call_3", name: "sql", arguments: "SELECT 1" },
        {
          type: "tool_call",
          id: "call_4",
          name: "local_shell",
          arguments: { type: "exec", command: ["ls"], env: {} },
        },
        {
          type: "tool_call",
          id: "call_5",
          name: "apply_patch",
          arguments: { type: "delete_file", path: "a" },
        },
        {
          type: "tool_call",
          id: "call_6",
          name: "computer",
          pending_safety_checks: [{ id: "sc_1", code: "malicious_instructions", message: "Careful." }],
          arguments: { type: "click", x: 1, y: 2, button: "left" },
        },
      ],
      finish_reason: "tool_call",
    },
  ]);
});

test("refusals, annotations and thoughts that are shown are parts", async () => {
  const citation = { type: "url_citation", url: "https://example.com", title: "Example", start_index: 0, end_index: 4 };
  const output = [
    { type: "reasoning", id: "rs_1", summary: [], content: [{ type: "reasoning_text", text: "Hm." }] },
    said("See Example.", [citation]),
    { type: "message", role: "assistant", content: [{ type: "refusal", refusal: "I can't help with that." }] },
  ];
  const record = await generation({ output });
  assert.deepEqual(record["output"], [
    {
      role: "assistant",
      parts: [
        { type: "reasoning", content: "Hm." },
        { type: "text", content: "See Example.", annotations: [citation] },
        { type: "refusal", content: "I can't help with that." },
      ],
      finish_reason: "stop",
    },
  ]);
});

const serverTools: { item: Wire; more?: Wire[]; line: string; input: unknown; output?: unknown; parts: Wire[] }[] = [
  {
    item: {
      id: "ws_1",
      type: "web_search_call",
      status: "completed",
      action: { type: "search", query: "x", sources: [{ type: "url", url: "https://example.com" }] },
    },
    line: "execute_tool web_search [tool]",
    input: { type: "search", query: "x" },
    output: [{ type: "url", url: "https://example.com" }],
    parts: [
      {
        type: "server_tool_call",
        id: "ws_1",
        name: "web_search",
        server_tool_call: { type: "web_search", action: { type: "search", query: "x" } },
      },
      {
        type: "server_tool_call_response",
        id: "ws_1",
        server_tool_call_response: { type: "web_search", sources: [{ type: "url", url: "https://example.com" }] },
      },
    ],
  },
  {
    item: {
      id: "fs_1",
      type: "file_search_call",
      status: "completed",
      queries: ["algebra"],
      results: [{ file_id: "file-1", filename: "a.txt", score: 0.8, text: "x", attributes: {} }],
    },
    line: "execute_tool file_search [retriever]",
    input: { queries: ["algebra"] },
    output: [{ file_id: "file-1", filename: "a.txt", score: 0.8, text: "x", attributes: {} }],
    parts: [
      {
        type: "server_tool_call",
        id: "fs_1",
        name: "file_search",
        server_tool_call: { type: "file_search", queries: ["algebra"] },
      },
      {
        type: "server_tool_call_response",
        id: "fs_1",
        server_tool_call_response: {
          type: "file_search",
          results: [{ file_id: "file-1", filename: "a.txt", score: 0.8, text: "x", attributes: {} }],
        },
      },
    ],
  },
  {
    item: {
      id: "ci_1",
      type: "code_interpreter_call",
      status: "completed",
      container_id: "cntr_1",
      code: "print(1)",
      outputs: [
        { type: "logs", logs: "1" },
        { type: "image", url: `data:image/png;base64,${PIXELS}` },
      ],
    },
    line: "execute_tool code_interpreter [tool]",
    input: { code: "print(1)", container_id: "cntr_1" },
    output: [
      { type: "logs", logs: "1" },
      { type: "image", url: { bytes: 3000 } },
    ],
    parts: [
      {
        type: "server_tool_call",
        id: "ci_1",
        name: "code_interpreter",
        server_tool_call: { type: "code_interpreter", code: "print(1)", container_id: "cntr_1" },
      },
      {
        type: "server_tool_call_response",
        id: "ci_1",
        server_tool_call_response: {
          type: "code_interpreter",
          outputs: [
            { type: "logs", logs: "1" },
            { type: "image", url: { bytes: 3000 } },
          ],
        },
      },
    ],
  },
  {
    item: {
      id: "ig_1",
      type: "image_generation_call",
      status: "completed",
      output_format: "png",
      revised_prompt: "A cat",
      size: "1024x1024",
      result: PIXELS,
    },
    line: "execute_tool image_generation [tool]",
    input: { revised_prompt: "A cat", size: "1024x1024", output_format: "png" },
    output: { type: "blob", modality: "image", mime_type: "image/png", bytes: 3000 },
    parts: [
      {
        type: "server_tool_call",
        id: "ig_1",
        name: "image_generation",
        server_tool_call: {
          type: "image_generation",
          revised_prompt: "A cat",
          size: "1024x1024",
          output_format: "png",
        },
      },
      {
        type: "server_tool_call_response",
        id: "ig_1",
        server_tool_call_response: {
          type: "image_generation",
          result: { type: "blob", modality: "image", mime_type: "image/png", bytes: 3000 },
        },
      },
    ],
  },
  {
    item: {
      id: "mcp_1",
      type: "mcp_call",
      server_label: "wiki",
      name: "ask",
      arguments: '{"q":"x"}',
      output: '{"a":1}',
      error: null,
    },
    line: "execute_tool ask [tool]",
    input: { q: "x" },
    output: { a: 1 },
    parts: [
      {
        type: "server_tool_call",
        id: "mcp_1",
        name: "ask",
        server_tool_call: { type: "mcp", server_label: "wiki", arguments: { q: "x" } },
      },
      {
        type: "server_tool_call_response",
        id: "mcp_1",
        server_tool_call_response: { type: "mcp", output: { a: 1 } },
      },
    ],
  },
  {
    item: { id: "mcp_2", type: "mcp_call", server_label: "wiki", name: "ask", arguments: "{}", error: "no such page" },
    line: "execute_tool ask [tool] ✗ failed: no such page",
    input: {},
    parts: [
      {
        type: "server_tool_call",
        id: "mcp_2",
        name: "ask",
        server_tool_call: { type: "mcp", server_label: "wiki", arguments: {} },
      },
      {
        type: "server_tool_call_response",
        id: "mcp_2",
        server_tool_call_response: { type: "mcp", error: "no such page" },
      },
    ],
  },
  {
    item: {
      id: "mcpl_1",
      type: "mcp_list_tools",
      server_label: "wiki",
      tools: [{ name: "ask", input_schema: { type: "object" } }],
    },
    line: "execute_tool mcp_list_tools [tool]",
    input: { server_label: "wiki" },
    output: [{ name: "ask", input_schema: { type: "object" } }],
    parts: [
      {
        type: "server_tool_call",
        id: "mcpl_1",
        name: "mcp_list_tools",
        server_tool_call: { type: "mcp_list_tools", server_label: "wiki" },
      },
      {
        type: "server_tool_call_response",
        id: "mcpl_1",
        server_tool_call_response: {
          type: "mcp_list_tools",
          tools: [{ name: "ask", input_schema: { type: "object" } }],
        },
      },
    ],
  },
  {
    item: {
      id: "sh_1",
      type: "shell_call",
      call_id: "call_sh",
      status: "completed",
      action: { commands: ["ls"] },
      environment: { type: "container_reference", container_id: "cntr_2" },
    },
    more: [{ id: "sho_1", type: "shell_call_output", call_id: "call_sh", output: [{ stdout: "a" }] }],
    line: "execute_tool shell [tool]",
    input: { commands: ["ls"] },
    output: [{ stdout: "a" }],
    parts: [
      {
        type: "server_tool_call",
        id: "call_sh",
        name: "shell",
        server_tool_call: { type: "shell", container_id: "cntr_2", commands: ["ls"] },
      },
      {
        type: "server_tool_call_response",
        id: "call_sh",
        server_tool_call_response: { type: "shell", output: [{ stdout: "a" }] },
      },
    ],
  },
];

for (const { item, more = [], line, input, output, parts } of serverTools) {
  test(`${item["type"]}: ${line}`, async () => {
    const sink = await traced(() => void recordResponse(aResponse({ output: [item, ...more, said("Done.")] })));
    const [generation, tool, ...others] = sink.tree().split("\n");
    assert.match(generation!, /^chat gpt-5-2025-08-07 \[generation\]/);
    assert.equal(tool, `└─ ${line}`);
    assert.deepEqual(
      others.filter((each) => each !== ""),
      [],
    );
    const { record, children } = sink.get("generation");
    const said1 = (record.output as Wire[])[0]!["parts"];
    assert.deepEqual(said1, [...parts, { type: "text", content: "Done." }]);
    assert.deepEqual(record.genAi?.finishReasons, ["stop"]);
    const [child] = children;
    assert.deepEqual([child!.record.input, child!.record.output], [input, output]);
    assert.equal(child!.record.usage, undefined);
    assert.equal(child!.record.genAi?.operation, "execute_tool");
    assert.equal(child!.record.genAi?.tool?.callId, item["call_id"] ?? item["id"]);
    assert.deepEqual([child!.record.startTime, child!.record.endTime], [record.startTime, record.endTime]);
    assert.ok(!JSON.stringify(sink.records).includes(PIXELS.slice(0, 64)));
  });
}

test("an approval that is asked for ends the response like a tool call", async () => {
  const item = { id: "mcpr_1", type: "mcp_approval_request", server_label: "wiki", name: "ask", arguments: "{}" };
  const record = await generation({ output: [item] });
  assert.deepEqual(record["genAi"].finishReasons, ["tool_call"]);
  assert.deepEqual(record["output"][0].parts, [{ ...item, arguments: {} }]);
});

test("a tool that has not ended when the response is read is unfinished, one that was cut short a warning", async () => {
  const search = { id: "ws_1", type: "web_search_call", status: "searching", action: { type: "search", query: "x" } };
  const live = await traced(
    () => void recordResponse(aResponse({ status: "in_progress", completed_at: null, output: [search] })),
  );
  assert.equal(live.get("execute_tool web_search").record.unfinished, true);
  const cut = { ...search, status: "incomplete" };
  const incomplete = { status: "incomplete", incomplete_details: { reason: "max_output_tokens" }, output: [cut] };
  const ended = await traced(() => void recordResponse(aResponse(incomplete)));
  const { record } = ended.get("execute_tool web_search");
  assert.deepEqual([record.unfinished, record.level, record.status.message], [undefined, "WARNING", "incomplete"]);
});

const search = (n: number, part: Wire = {}): Wire => ({
  id: `ws_${n}`,
  type: "web_search_call",
  status: "completed",
  action: { type: "search", query: "x" },
  ...part,
});

test("calls that are paid for each are counted with the tokens", async () => {
  const output = [
    search(1),
    search(2, { action: undefined }),
    search(3, { action: { type: "open_page", url: "https://example.com" } }),
    search(4, { status: "failed" }),
    { id: "fs_1", type: "file_search_call", status: "completed", queries: ["a"], results: null },
    { id: "fs_2", type: "file_search_call", status: "completed", queries: ["b"], results: null },
    said("Done."),
  ];
  const counted = await generation({ output });
  assert.deepEqual([counted["usage"].webSearchCalls, counted["usage"].fileSearchCalls], [2, 2]);
  assert.equal(counted["usage"].codeInterpreterSessions, undefined);
  const image_gen = { input_tokens: 50, output_tokens: 1056, total_tokens: 1106 };
  const stated = await generation({ output, tool_usage: { web_search: { num_requests: 7 }, image_gen } });
  assert.deepEqual([stated["usage"].webSearchCalls, stated["usage"].totalTokens], [7, 123]);
  assert.deepEqual(stated["usage"].extra, {
    "image_gen.input_tokens": 50,
    "image_gen.output_tokens": 1056,
    "image_gen.total_tokens": 1106,
  });
  const idle = { web_search: { num_requests: 0 }, image_gen: { input_tokens: 0, output_tokens: 0, total_tokens: 0 } };
  const none = await generation({ tool_usage: idle });
  assert.deepEqual([none["usage"].webSearchCalls, none["usage"].extra], [undefined, undefined]);
});

test("the model of the image generation tool is on the record with its tokens, and both make the cost", async () => {
  const image_gen = { input_tokens: 50, output_tokens: 1056, total_tokens: 1106 };
  const image = { id: "ig_1", type: "image_generation_call", status: "completed", result: PIXELS };
  const made = { output: [image, said("Done.")], tool_usage: { image_gen } };
  const modelOf = async (part: Wire) => (await generation({ ...made, ...part }))["genAi"].openai.imageModel;
  const tool = { type: "image_generation" };
  assert.equal(await modelOf({ tools: [tool] }), "gpt-image-1", "the API's default");
  assert.equal(await modelOf({ tools: [{ type: "web_search" }, { ...tool, model: "gpt-image-2" }] }), "gpt-image-2");
  assert.equal(await modelOf({ tools: [tool, { ...tool, model: "gpt-image-2" }] }), undefined, "either of them");
  assert.equal(await modelOf({}), undefined);
  assert.equal(await modelOf({ tools: [tool], tool_usage: undefined }), undefined);
  const { cost } = await generation({ ...made, tools: [tool] });
  // 50 × 5 + 1056 × 40
  assert.equal(cost.tools, 0.04249);
  const silent = await generation({ ...made, tools: [tool], tool_usage: undefined });
  assert.deepEqual([silent["usage"].extra, silent["cost"]], [{ image_generation_calls: 1 }, undefined]);
});

test("as many shell calls as an answer can hold are read in linear time", async () => {
  const calls = 5_000;
  let reads = 0;
  const output = Array.from({ length: calls }, (_, n) => ({
    get type() {
      reads++;
      return "shell_call";
    },
    get call_id() {
      reads++;
      return `c${n}`;
    },
    environment: { type: "container_reference" },
    action: { commands: ["ls"] },
  }));
  const { spans } = planResponse({ response: aResponse({ output }), provider: "openai", startMs: 1, endMs: 2 });
  assert.deepEqual(spans[0].patch.genAi?.finishReasons, ["stop"]);
  // Nine of each; it was thousands when each item was looked for among all.
  assert.ok(reads < 20 * calls, `${reads} reads of ${calls} calls`);
});

test("a message of any number of parts joins the one before", async () => {
  const content = Array.from({ length: 200_000 }, () => ({ type: "output_text", text: "x" }));
  const many = { type: "message", role: "assistant", content };
  const response = aResponse({ output: [said("First."), many] });
  const { spans } = planResponse({ response, provider: "openai", startMs: 1, endMs: 2 });
  assert.equal((spans[0].patch.output as Wire[])[0]!["parts"].length, 200_001);
});

test("a code interpreter session is counted once for each container and hour", async () => {
  const code = (n: number, container_id: string): Wire => ({
    id: `ci_${n}`,
    type: "code_interpreter_call",
    status: "completed",
    code: "1",
    container_id,
    outputs: [],
  });
  const at = (id: string, minutes: number, output: Wire[], part: Wire = {}): Wire => {
    const created_at = T0 + minutes * 60;
    return aResponse({ id, created_at, completed_at: created_at + 1, output, ...part });
  };
  const sink = await traced(() => {
    const live = { status: "in_progress", usage: null, completed_at: null };
    recordResponse(at("resp_1", 0, [code(1, "a")], live));
    recordResponse(at("resp_1", 0, [code(1, "a"), code(2, "a"), code(3, "b")]));
    recordResponse(at("resp_2", 40, [code(4, "a")]));
    recordResponse(at("resp_3", 95, [code(5, "a"), code(6, "b")]));
    recordResponse(at("resp_4", 300, [code(7, "a")]));
    recordResponse(at("resp_5", 301, [said("no code")]));
  });
  const sessions = sink
    .findAll("generation")
    .map(({ record }) => [record.genAi?.responseId, record.usage?.codeInterpreterSessions]);
  assert.deepEqual(sessions, [
    ["resp_1", 2],
    ["resp_2", 0],
    ["resp_3", 1],
    ["resp_4", 1],
    ["resp_5", undefined],
  ]);
});

test("the generation is written first, then its tools", async () => {
  const sink = await traced(() => void recordResponse(aResponse({ output: [search(1), search(2), said("Done.")] })));
  assert.deepEqual(
    sink.all.map((record) => (record as Wire)["name"]),
    ["chat gpt-5-2025-08-07", "execute_tool web_search", "execute_tool web_search"],
  );
});

test("a huge response is recorded within bounds", async () => {
  const output = Array.from({ length: 5_000 }, (_, n) => search(n));
  const sink = await traced(() => void recordResponse(aResponse({ output, usage: tokens(1, 1) })));
  assert.equal(sink.get("generation").children.length, 1_000);
  assert.equal(sink.get("generation").record.usage?.webSearchCalls, 5_000);
});
