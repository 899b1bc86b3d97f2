import { guard } from "../core/guard.ts";
import type { PlannedSpan } from "./plan.ts";
import { resultOf, type ToolItem, type ToolResult, toolOf } from "./response-tools.ts";

/** A tool call with its output, from wherever among the items that comes. */
export interface ToolRun {
  readonly item: unknown;
  /** Its place among the items; they have no times. */
  readonly index: number;
  readonly tool: ToolItem;
}

/** The tool calls among the items that were made: those of the provider, and of the caller where `which` is `all`. */
export function toolRuns(items: readonly unknown[], which: "server" | "all" = "server"): ToolRun[] {
  const results = new Map<string | undefined, ToolResult>();
  for (const item of items) {
    const result = guard(() => resultOf(item), undefined);
    if (result?.callId !== undefined) results.set(result.callId, result);
  }
  const runs: ToolRun[] = [];
  for (const [index, item] of items.entries()) {
    const tool = guard(() => toolOf(item), undefined);
    if (tool === undefined || !(tool.isServer || which === "all")) continue;
    const result = results.get(tool.callId);
    const output = tool.output ?? result?.output;
    runs.push({ item, index, tool: { ...tool, output, error: tool.error ?? result?.error } });
  }
  return runs;
}

/** What became of tool calls that do not go on any more. */
const ENDED: ReadonlySet<string | undefined> = new Set([undefined, "completed", "failed", "incomplete"]);

/** A response has some dozens at most. */
const MAX_SPANS = 1_000;

export function toolSpans(parent: PlannedSpan, runs: readonly ToolRun[]): PlannedSpan[] {
  return runs.slice(0, MAX_SPANS).map((run) => toolSpan(parent, run));
}

/** The span of a tool call below `parent`, whose times it has: items have none of their own. */
function toolSpan(parent: PlannedSpan, { tool, index }: ToolRun): PlannedSpan {
  const { id, callId, status, error } = tool;
  const isAwaited = !tool.isServer && tool.output === undefined && error === undefined;
  const unfinished = parent.unfinished && (isAwaited || !ENDED.has(status));
  const stopped = status !== undefined && status !== "completed" && status !== "failed";
  const failed = status === "failed" || error !== undefined;
  const { provider, conversationId, responseId, openai } = parent.patch.genAi ?? {};
  return {
    key: parent.key.length === 0 ? [] : [...parent.key, id ?? callId ?? String(index)],
    name: `execute_tool ${tool.name}`,
    type: tool.type === "file_search" ? "retriever" : "tool",
    kind: "internal",
    startMs: parent.startMs,
    endMs: parent.endMs,
    unfinished,
    failure: failed ? { code: "failed", message: error } : undefined,
    patch: {
      input: tool.input,
      output: tool.output,
      level: stopped ? "WARNING" : undefined,
      statusMessage: stopped ? status : undefined,
      metadata: Object.keys(tool.about).length === 0 ? undefined : tool.about,
      genAi: {
        operation: "execute_tool",
        provider,
        conversationId,
        responseId,
        tool: { name: tool.name, type: TOOL_TYPES.get(tool.type) ?? "extension", callId },
        openai: openai?.apiType === undefined ? undefined : { apiType: openai.apiType },
      },
    },
  };
}

/** OpenTelemetry's kinds of tool: the caller runs it, it reads stored data, or (extension) the provider runs it. */
const TOOL_TYPES: ReadonlyMap<string, string> = new Map([
  ["function", "function"],
  ["custom", "function"],
  ["file_search", "datastore"],
]);
