import { uuid } from "../core/ids.ts";
import type { Usage } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import { normalizeUsage } from "../core/usage.ts";
import { sessionsOpened } from "./container-sessions.ts";
import { field, moment, text } from "./fields.ts";
import { paidFor } from "./model-call.ts";
import type { ToolRun } from "./response-tool-spans.ts";

/**
 * Tokens, the calls of the provider's tools that are paid for each by itself, and what the provider says it cost. `startMs`
 * stands in for `created_at`.
 */
export function paidForResponse(
  response: unknown,
  tools: readonly ToolRun[],
  startMs: number,
): Pick<SpanPatch, "usage" | "cost"> {
  const { usage, ...cost } = paidFor(field(response, "usage"));
  const toolUsage = field(response, "tool_usage");
  const atMs = moment(field(response, "created_at")) ?? startMs;
  const all: Usage = {
    ...usage,
    ...searches(tools, field(field(toolUsage, "web_search"), "num_requests")),
    ...sessions(text(field(response, "id")) ?? uuid(), tools, atMs),
    ...withExtra(usage, imageTokens(field(toolUsage, "image_gen"))),
  };
  return { ...cost, ...(Object.keys(all).length > 0 && { usage: all }) };
}

/** Zero says nothing about what was not used. */
function searches(tools: readonly ToolRun[], stated: unknown): Usage {
  const isStated = typeof stated === "number" && Number.isInteger(stated) && stated >= 0;
  const webSearchCalls = isStated ? stated : tools.filter(isPaidSearch).length;
  const fileSearchCalls = tools.filter(({ tool }) => tool.type === "file_search" && tool.status !== "failed").length;
  return { ...(webSearchCalls > 0 && { webSearchCalls }), ...(fileSearchCalls > 0 && { fileSearchCalls }) };
}

/** To open a page that a search has found, and to look within it, is free. */
function isPaidSearch({ item, tool }: ToolRun): boolean {
  const action = text(field(field(item, "action"), "type")) ?? "search";
  return tool.type === "web_search" && action === "search" && tool.status !== "failed";
}

/** None, where the container of an earlier response goes on, is a known figure. */
function sessions(responseId: string, tools: readonly ToolRun[], atMs: number): Usage {
  const runs = tools.filter(({ tool }) => tool.type === "code_interpreter");
  const containers = runs.flatMap(({ item }) => text(field(item, "container_id")) ?? []);
  return containers.length === 0 ? {} : { codeInterpreterSessions: sessionsOpened(responseId, containers, atMs) };
}

/** The tokens of the image model, which are not among the response's own. */
function imageTokens(raw: unknown): { readonly [path: string]: number } {
  const extra = normalizeUsage({ image_gen: raw })?.extra ?? {};
  return Object.fromEntries(Object.entries(extra).filter(([, tokens]) => tokens > 0));
}

function withExtra(usage: Usage | undefined, more: { readonly [path: string]: number }): Usage {
  return Object.keys(more).length === 0 ? {} : { extra: { ...usage?.extra, ...more } };
}
