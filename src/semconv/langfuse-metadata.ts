import type { JsonObject } from "../core/json.ts";
import type { SpanRecord } from "../core/record.ts";
import { jsonText } from "./json-text.ts";
import { snakeCase } from "./snake-case.ts";

/** Parts of `genAi` that have a place of their own, here or among the attributes. */
const ELSEWHERE: ReadonlySet<string> = new Set([
  "requestModel",
  "responseModel",
  "parameters",
  "systemInstructions",
  "toolDefinitions",
  "prompt",
  "agent",
  "tool",
  "openai",
  "stream",
]);

/**
 * What Langfuse has no field for, as texts by which it can filter: the operation, ids of responses, runs and threads, the
 * HTTP exchange, the error, tools that were called, events and links of the span. What the user said goes over all of it.
 */
export function putMetadata(record: SpanRecord, put: (key: string, text: string) => void): void {
  const { genAi, usage } = record;
  const each = (prefix: string, fields: object | undefined, without?: ReadonlySet<string>): void => {
    for (const name in fields) {
      const value = (fields as JsonObject)[name];
      if (isSaid(value) && without?.has(name) !== true) put(prefix + snakeCase(name), jsonText(value));
    }
  };
  each("", genAi, ELSEWHERE);
  if (genAi?.requestModel !== genAi?.responseModel) each("", { requestModel: genAi?.requestModel });
  each("", { responseModel: genAi?.responseModel });
  each("agent_", genAi?.agent);
  each("tool_", genAi?.tool);
  each("prompt_", genAi?.prompt);
  each("", genAi?.openai);
  each("http_", record.http);
  each("error_", record.error);
  const { webSearchCalls, fileSearchCalls, codeInterpreterSessions, extra } = usage ?? {};
  each("", { webSearchCalls, fileSearchCalls, codeInterpreterSessions });
  each("usage_", extra);
  const { events, links, cuts, unfinished, callSite } = record;
  each("", { events, links, cuts, unfinished, callSite });
  putVerbatim(record.attributes, (name, value) => {
    if (!name.startsWith("langfuse.")) put(name, value);
  });
  putVerbatim(record.metadata, put);
}

/** Entries of the user's, under their own names; texts, as Langfuse reads attributes that are objects as raw protobuf. */
export function putVerbatim(entries: JsonObject | undefined, put: (key: string, text: string) => void): void {
  for (const [name, value] of Object.entries(entries ?? {})) if (isSaid(value)) put(name, jsonText(value));
}

/** `null` is left out as from every attribute: the text `null` would be another value. */
function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** ISO 8601 in whole milliseconds, which is all that Langfuse keeps. */
export function isoTime(nanos: string): string {
  return new Date(Number(nanos.slice(0, -6))).toISOString();
}
