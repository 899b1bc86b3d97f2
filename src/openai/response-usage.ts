import { uuid } from "../core/ids.ts";
import type { Usage } from "../core/record.ts";
import type { SpanPatch } from "../core/span.ts";
import { normalizeUsage } from "../core/usage.ts";
import { sessionsOpened } from "./container-sessions.ts";
import { array, field, moment, text } from "./fields.ts";
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
    ...withExtra(usage, images(tools, field(toolUsage, "image_gen"))),
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

/** The tokens of the image model, which are not among the response's own; else how many images have tokens that nobody says. */
function images(tools: readonly ToolRun[], raw: unknown): { readonly [path: string]: number } {
  const extra = normalizeUsage({ image_gen: raw })?.extra ?? {};
  const stated = Object.entries(extra).filter(([, tokens]) => tokens > 0);
  if (stated.length > 0) return Object.fromEntries(stated);
  const calls = tools.filter(({ tool }) => tool.type === "image_generation" && tool.status !== "failed").length;
  return calls === 0 ? {} : { image_generation_calls: calls };
}

/** "The image generation model to use. Default: `gpt-image-1`." Azure's default is a deployment that a header names. */
const IMAGE_MODEL = "gpt-image-1";

/** What the image generation tool of a response ran; `undefined` where that is open, or where no tokens of it are counted. */
export function imageModel({ response, request, provider }: Asked, usage: Usage | undefined): string | undefined {
  if (!Object.keys(usage?.extra ?? {}).some((name) => name.startsWith("image_gen."))) return undefined;
  const tools = array(field(response, "tools") ?? field(request, "tools"));
  const models = tools
    .filter((tool) => field(tool, "type") === "image_generation")
    .map((tool) => text(field(tool, "model")) ?? (provider === "openai" ? IMAGE_MODEL : undefined));
  return new Set(models).size === 1 ? models[0] : undefined;
}

interface Asked {
  readonly response: unknown;
  readonly request?: unknown;
  readonly provider: string;
}

function withExtra(usage: Usage | undefined, more: { readonly [path: string]: number }): Usage {
  return Object.keys(more).length === 0 ? {} : { extra: { ...usage?.extra, ...more } };
}
