import type { GenAi, ObservationType, SpanKind } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import { array, field, known, text } from "../openai/fields.ts";
import { blobPart, parsedJson, withoutPayload } from "../openai/messages.ts";
import type { AgentsSpan } from "./agents-shapes.ts";

/** A span of the SDK in our words. */
export interface AgentsFacts {
  readonly name: string;
  readonly type: ObservationType;
  readonly kind?: SpanKind;
  readonly patch: SpanPatch;
}

/** By the SDK's type. Those that call a model have more, which is in `agents-calls.ts`. */
const READERS: { readonly [type: string]: (data: unknown) => AgentsFacts } = {
  task: (data) => ({ name: text(field(data, "name")) ?? "task", type: "chain", patch: {} }),
  turn: (data) => ({
    name: `turn ${field(data, "turn") ?? ""}`.trim(),
    type: "span",
    patch: { metadata: known({ agent: text(field(data, "agent_name")) }) },
  }),
  agent: readAgent,
  function: readFunction,
  response: () => ({ name: "chat", type: "generation", kind: "client", patch: { genAi: { operation: "chat" } } }),
  generation: (data) => readCall(data, "chat", { genAi: { operation: "chat" } }),
  handoff: (data) => {
    const { from_agent, to_agent } = data as { from_agent?: string; to_agent?: string };
    return {
      name: `handoff ${to_agent ?? ""}`.trim(),
      type: "span",
      patch: { metadata: known({ from_agent, to_agent }) },
    };
  },
  guardrail: (data) => {
    const triggered = field(data, "triggered") === true;
    const patch = { output: { triggered }, ...(triggered && { level: "WARNING" as const }) };
    return { name: `guardrail ${field(data, "name") ?? ""}`.trim(), type: "guardrail", patch };
  },
  mcp_tools: (data) => ({
    name: `list_tools ${field(data, "server") ?? ""}`.trim(),
    type: "span",
    patch: { output: field(data, "result") },
  }),
  transcription: (data) =>
    readCall(data, "transcription", { input: sound(field(data, "input")), output: spoken(field(data, "output")) }),
  speech: (data) =>
    readCall(data, "text_to_speech", {
      input: spoken(field(data, "input")),
      output: sound(field(data, "output")),
      genAi: { outputType: "speech" },
    }),
  speech_group: (data) => ({ name: "speech group", type: "span", patch: { input: spoken(field(data, "input")) } }),
  custom: (data) => {
    return {
      name: text(field(data, "name")) ?? "custom",
      type: "span",
      patch: { metadata: record(field(data, "data")) },
    };
  },
};

export function readSpan({ spanData }: AgentsSpan): AgentsFacts {
  const type = text(field(spanData, "type")) ?? "span";
  if (Object.hasOwn(READERS, type)) return READERS[type]!(spanData);
  const { type: _, ...data } = withoutPayload(spanData) as { [name: string]: unknown };
  return { name: type, type: "span", patch: { metadata: data } };
}

function readAgent(data: unknown): AgentsFacts {
  const name = text(field(data, "name"));
  const list = (key: string): unknown => (array(field(data, key)).length > 0 ? field(data, key) : undefined);
  const genAi: GenAi = { operation: "invoke_agent", agent: known({ name }) };
  const metadata = known({
    tools: list("tools"),
    handoffs: list("handoffs"),
    output_type: text(field(data, "output_type")),
  });
  return { name: `invoke_agent ${name ?? ""}`.trim(), type: "agent", patch: { genAi, metadata } };
}

function readFunction(data: unknown): AgentsFacts {
  const name = text(field(data, "name")) ?? "tool";
  const mcp = parsedJson(text(field(data, "mcp_data")));
  const patch: SpanPatch = {
    input: parsedJson(text(field(data, "input"))),
    output: structured(field(data, "output")),
    genAi: { operation: "execute_tool", tool: { name, type: "function" } },
    ...(mcp !== undefined && { metadata: { mcp } }),
  };
  return { name: `execute_tool ${name}`, type: "tool", patch };
}

/** A call of a model, as far as its data is the SDK's own. */
function readCall(data: unknown, verb: string, patch: SpanPatch): AgentsFacts {
  const model = text(field(data, "model"));
  const { model: _, base_url, ...parameters } = record(field(data, "model_config")) ?? {};
  const asked = known({ model, modelParameters: Object.keys(parameters).length > 0 ? parameters : undefined });
  return { name: `${verb} ${model ?? ""}`.trim(), type: "generation", kind: "client", patch: { ...asked, ...patch } };
}

/** Objects and lists that a tool has given; a number or a word may as well be text. */
function structured(output: unknown): unknown {
  return typeof output === "string" && /^\s*[[{]/.test(output) ? parsedJson(output) : (output ?? undefined);
}

function sound(audio: unknown): unknown {
  const format = text(field(audio, "format"));
  return audio === undefined ? undefined : [blobPart("audio", field(audio, "data"), format && `audio/${format}`)];
}

function spoken(said: unknown): unknown {
  return typeof said === "string" ? said : undefined;
}

function record(value: unknown): Record<string, unknown> | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  return withoutPayload(value) as Record<string, unknown>;
}
