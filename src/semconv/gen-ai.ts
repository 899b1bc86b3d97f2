import type { GenAi, OpenAIDetails, SpanRecord } from "../core/record.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { operationOf, workflowNameOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import type { AttributeKey } from "./registry.ts";
import { putParameters } from "./request-parameters.ts";
import { secondsBetween } from "./seconds-between.ts";
import { putUsage } from "./usage-attributes.ts";

/** `gen_ai.system` of 1.36 had other words for these (registry, `gen_ai.system` and the renames of 1.37). */
const OLD_PROVIDERS: ReadonlyMap<string, string> = new Map([
  ["azure.ai.inference", "az.ai.inference"],
  ["azure.ai.openai", "az.ai.openai"],
  ["gcp.vertex_ai", "vertex_ai"],
  ["gcp.gemini", "gemini"],
  ["x_ai", "xai"],
]);

/** What `latest` took from the spans of agents that run in this process: their model calls say it. */
const OF_MODEL_CALLS: ReadonlySet<AttributeKey> = new Set([
  "agentId",
  "provider",
  "cacheReadInputTokens",
  "cacheWriteInputTokens",
  "textCacheReadTokens",
  "imageCacheReadTokens",
  "audioCacheReadTokens",
]);

/**
 * Where a kind of span has no such attribute in a profile, its value is kept under our own name.
 *
 * Source: `semantic-conventions-genai` `docs/gen-ai/non-normative/migration.md`, invoke_agent internal.
 */
export function ownKeysOf(record: SpanRecord, profile: Profile): ReadonlySet<AttributeKey> | undefined {
  if (profile !== "latest" || record.kind !== "internal") return undefined;
  return operationOf(record) === "invoke_agent" ? OF_MODEL_CALLS : undefined;
}

/** `gen_ai.*` and `openai.*` of a span, its content left out. */
export function putGenAi(out: AttributeWriter, record: SpanRecord): void {
  const operation = operationOf(record);
  const { genAi, usage, name } = record;
  out.put("operation", operation);
  if (genAi !== undefined) putCall(out, genAi);
  out.put("timeToFirstChunk", secondsToFirstChunk(record));
  if (genAi !== undefined) putParameters(out, genAi, operation);
  putUsage(out, usage);
  if (genAi !== undefined) putSubjects(out, genAi);
  if (operation === "execute_tool" && genAi?.tool === undefined) out.put("toolName", name);
  if (operation === "invoke_workflow") out.put("workflowName", workflowNameOf(name) || undefined);
  if (genAi?.openai !== undefined) putOpenAI(out, genAi.openai);
}

/** Request and response. */
function putCall(out: AttributeWriter, genAi: GenAi): void {
  out.put("provider", providerName(genAi.provider, out.profile));
  out.put("requestModel", genAi.requestModel);
  out.put("responseModel", genAi.responseModel);
  out.put("responseId", genAi.responseId);
  out.put("responseStatus", genAi.responseStatus);
  out.put("previousResponseId", genAi.previousResponseId);
  out.put("finishReasons", genAi.finishReasons);
  // The thread of an assistant is the conventions' own example of a conversation.
  out.put("conversationId", genAi.conversationId ?? genAi.openai?.threadId);
  out.put("outputType", genAi.outputType);
  // Without it, by the conventions, nothing is streamed.
  out.put("stream", genAi.stream === false ? undefined : genAi.stream);
}

/** The provider as a profile calls it. */
export function providerName(provider: string | undefined, profile: Profile): string | undefined {
  return provider !== undefined && profile === "1.36" ? (OLD_PROVIDERS.get(provider) ?? provider) : provider;
}

/** Agent, tool and prompt. */
function putSubjects(out: AttributeWriter, { agent, tool, prompt }: GenAi): void {
  out.put("agentId", agent?.id);
  out.put("agentName", agent?.name);
  out.put("agentDescription", agent?.description);
  out.put("toolName", tool?.name);
  out.put("toolType", tool?.type);
  out.put("toolCallId", tool?.callId);
  out.put("promptName", prompt?.name);
  out.put("promptVersion", prompt?.version === undefined ? undefined : String(prompt.version));
}

/** A field that is new in `OpenAIDetails` needs a key here to compile. */
const OPENAI: { readonly [field in Exclude<keyof OpenAIDetails, "apiType" | "requestServiceTier">]-?: AttributeKey } = {
  threadId: "threadId",
  runId: "runId",
  runStatus: "runStatus",
  runStepId: "runStepId",
  assistantId: "assistantId",
  serviceTier: "serviceTier",
  systemFingerprint: "systemFingerprint",
  imageModel: "imageModel",
  background: "background",
  createdAt: "createdAt",
  startedAt: "startedAt",
  expiresAt: "expiresAt",
  cancellingSince: "cancellingSince",
  errorCode: "errorCode",
  errorMessage: "errorMessage",
  incompleteReason: "incompleteReason",
  pendingToolCalls: "pendingToolCalls",
  stepCount: "stepCount",
  missing: "missing",
};

const OPENAI_ENTRIES = Object.entries(OPENAI) as [keyof typeof OPENAI, AttributeKey][];

/** The values that `openai.api.type` may have. */
const API_TYPES: ReadonlySet<string | undefined> = new Set(["chat_completions", "responses"]);

function putOpenAI(out: AttributeWriter, details: OpenAIDetails): void {
  out.put(API_TYPES.has(details.apiType) ? "apiType" : "ownApiType", details.apiType);
  // Asked for only where it is not what would be the case anyway.
  if (details.requestServiceTier !== "auto") out.put("requestServiceTier", details.requestServiceTier);
  for (const [field, key] of OPENAI_ENTRIES) out.put(key, details[field]);
}

/** Seconds from the start to the first chunk of a stream. */
export function secondsToFirstChunk({ startTime, firstChunkTime }: SpanRecord): number | undefined {
  if (firstChunkTime === undefined || !isNanos(firstChunkTime) || !isNanos(startTime)) return undefined;
  return secondsBetween(startTime, firstChunkTime);
}

/** Records from a file may hold anything; `BigInt` throws for what is no number. */
function isNanos(time: string): boolean {
  return /^\d+$/.test(time);
}
