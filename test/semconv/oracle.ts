/**
 * What others say that attributes are called and are: not made from our table. For 1.36 and 1.41 the constants of npm's
 * semantic conventions, their types read off the examples in the declarations; for `latest` the registry of
 * `open-telemetry/semantic-conventions-genai` as its main branch had it in the autumn of 2026; for OpenInference the constants of
 * `@arizeai/openinference-semantic-conventions` 2.12.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Profile } from "sightline/semconv";

export type OracleType = "string" | "string[]" | "int" | "double" | "boolean" | "any";
export type Registry = ReadonlyMap<string, OracleType>;

const require = createRequire(import.meta.url);

/** Every attribute of a release that is not deprecated. */
function released(alias: string): Registry {
  const folder = dirname(require.resolve(alias));
  const files = ["stable_attributes.d.ts", "experimental_attributes.d.ts"];
  const source = files.map((file) => readFileSync(join(folder, file), "utf8")).join("\n");
  const constants = source.matchAll(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare const (ATTR_\w+): "([^"]+)";/g);
  const found = [...constants].filter(([, comment]) => !comment!.includes("@deprecated"));
  return new Map(found.map(([, comment, constant, name]) => [name!, typeOf(comment!, constant!, source)]));
}

function typeOf(comment: string, constant: string, source: string): OracleType {
  const [, example] = /@example (.*)/.exec(comment) ?? [];
  if (example === undefined) {
    // An enumeration has a constant for each value; what has neither values nor examples is a boolean.
    return source.includes(`${constant.replace("ATTR_", "")}_VALUE_`) ? "string" : "boolean";
  }
  if (/^\[".*"\]$/.test(example)) return "string[]";
  if (/^[[{]$/.test(example)) return "any";
  if (/^-?\d+\.\d+$/.test(example)) return "double";
  return /^-?\d+$/.test(example) ? "int" : "string";
}

/** Of `latest`; the names that do not begin with `gen_ai.` or `openai.` are the ones of 1.41. */
const LATEST: { readonly [type in OracleType]?: string } = {
  string: `
    gen_ai.provider.name gen_ai.request.model gen_ai.request.reasoning.level gen_ai.request.previous_response.id
    gen_ai.request.stream_cursor gen_ai.response.id gen_ai.response.model gen_ai.response.status gen_ai.conversation.id
    gen_ai.agent.id gen_ai.agent.name gen_ai.agent.description gen_ai.agent.version gen_ai.tool.name gen_ai.tool.call.id
    gen_ai.tool.description gen_ai.tool.type gen_ai.data_source.id gen_ai.operation.name gen_ai.output.type
    gen_ai.retrieval.query.text gen_ai.memory.store.id gen_ai.memory.record.id gen_ai.memory.query.text
    gen_ai.evaluation.name gen_ai.evaluation.score.label gen_ai.evaluation.explanation gen_ai.prompt.name
    gen_ai.prompt.version gen_ai.workflow.name openai.request.service_tier openai.api.type openai.response.service_tier
    openai.response.system_fingerprint`,
  "string[]": `
    gen_ai.request.stop_sequences gen_ai.request.encoding_formats gen_ai.response.finish_reasons`,
  int: `
    gen_ai.request.max_tokens gen_ai.request.choice.count gen_ai.request.top_k gen_ai.request.seed
    gen_ai.usage.input_tokens gen_ai.usage.output_tokens gen_ai.usage.cache_read.input_tokens
    gen_ai.usage.cache_write.input_tokens gen_ai.usage.reasoning.output_tokens gen_ai.usage.text.input_tokens
    gen_ai.usage.image.input_tokens gen_ai.usage.audio.input_tokens gen_ai.usage.text.cache_read.input_tokens
    gen_ai.usage.image.cache_read.input_tokens gen_ai.usage.audio.cache_read.input_tokens
    gen_ai.usage.text.output_tokens gen_ai.usage.image.output_tokens gen_ai.usage.audio.output_tokens
    gen_ai.embeddings.dimension.count gen_ai.retrieval.top_k gen_ai.memory.record.count`,
  double: `
    gen_ai.request.temperature gen_ai.request.top_p gen_ai.request.frequency_penalty gen_ai.request.presence_penalty
    gen_ai.response.time_to_first_chunk gen_ai.evaluation.score.value`,
  boolean: `
    gen_ai.request.stream gen_ai.conversation.compacted`,
  any: `
    gen_ai.tool.call.arguments gen_ai.tool.call.result gen_ai.tool.definitions gen_ai.retrieval.documents
    gen_ai.memory.records gen_ai.system_instructions gen_ai.input.messages gen_ai.output.messages`,
};

const npm141 = released("semconv141");
const core = [...npm141].filter(([name]) => !/^(?:gen_ai|openai)\./.test(name));

export const REGISTRIES: { readonly [profile in Profile]: Registry } = {
  "1.36": released("semconv136"),
  "1.41": npm141,
  latest: new Map([...core, ...listed(LATEST)]),
};

/** `{i}` stands for an index. */
const MESSAGE = (side: string): string => `
  llm.${side}.{i}.message.role llm.${side}.{i}.message.content llm.${side}.{i}.message.tool_call_id
  llm.${side}.{i}.message.name llm.${side}.{i}.message.contents.{i}.message_content.type
  llm.${side}.{i}.message.contents.{i}.message_content.text
  llm.${side}.{i}.message.contents.{i}.message_content.image.image.url
  llm.${side}.{i}.message.tool_calls.{i}.tool_call.id
  llm.${side}.{i}.message.tool_calls.{i}.tool_call.function.name
  llm.${side}.{i}.message.tool_calls.{i}.tool_call.function.arguments`;

export const OPEN_INFERENCE: Registry = listed({
  string: `
    openinference.span.kind input.value input.mime_type output.value output.mime_type
    ${MESSAGE("input_messages")} ${MESSAGE("output_messages")}
    llm.model_name llm.request.model_name llm.response.model_name llm.provider llm.system llm.invocation_parameters
    llm.finish_reason llm.tools.{i}.tool.json_schema tool.name tool.description tool.id tool_call.id tool.parameters
    retrieval.documents.{i}.document.id retrieval.documents.{i}.document.content
    retrieval.documents.{i}.document.metadata embedding.model_name embedding.embeddings.{i}.embedding.text
    agent.name graph.node.id graph.node.name graph.node.parent_id session.id user.id metadata
    llm.prompt_template.template llm.prompt_template.version llm.prompt_template.variables
    prompt.id prompt.url prompt.vendor`,
  "string[]": "tag.tags",
  int: `
    llm.token_count.prompt llm.token_count.completion llm.token_count.total
    llm.token_count.prompt_details.cache_read llm.token_count.prompt_details.cache_write
    llm.token_count.prompt_details.audio llm.token_count.completion_details.reasoning
    llm.token_count.completion_details.audio`,
  double: `
    llm.cost.prompt llm.cost.completion llm.cost.total retrieval.documents.{i}.document.score`,
});

function listed(names: { readonly [type in OracleType]?: string }): Map<string, OracleType> {
  const rows = Object.entries(names) as [OracleType, string][];
  return new Map(
    rows.flatMap(([type, text]) =>
      text
        .trim()
        .split(/\s+/)
        .map((name) => [name, type] as const),
    ),
  );
}
