import { type TimeInput, toEpochMs } from "../core/clock.ts";
import { guard } from "../core/guard.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import type { GenAi } from "../core/record.ts";
import { activeRuntime } from "../core/runtime.ts";
import type { SpanPatch } from "../core/span.ts";
import { choiceMessages, requestMessages } from "./chat-messages.ts";
import type { DescribedCall, Describer, RequestedSpan } from "./describe.ts";
import { array, field, known, moment, seconds, text, untoldEnd } from "./fields.ts";
import { type ModelMessage, toolDefinitions } from "./messages.ts";
import { answeredPlan, errorOf, paidFor, requestedSpan } from "./model-call.ts";
import { type RecordedObject, writePlan } from "./recorded.ts";
import type { Failure, Moment } from "./shapes.ts";

/** What is read of a chat completion, of OpenAI's or any compatible server's. */
export interface ChatCompletionLike {
  readonly id?: string;
  readonly object?: string;
  /** Epoch seconds. */
  readonly created?: Moment;
  readonly model?: string;
  readonly choices?: readonly unknown[];
  readonly usage?: unknown;
  readonly service_tier?: string | null;
  readonly system_fingerprint?: string | null;
}

export interface RecordChatCompletionOptions {
  /** What `chat.completions.create` was called with: messages, model, tools and parameters. */
  request?: unknown;
  /** Instead of the request's messages. */
  input?: unknown;
  /** Default: `chat {model}`. */
  name?: string;
  /** Default: the completion's `created`, which has whole seconds. */
  startTime?: TimeInput;
  /** Default: now; the start, where that is over an hour before. */
  endTime?: TimeInput;
  /** Default: `openai`. */
  provider?: string;
}

/**
 * Records a chat completion as a generation under the current span: messages, model, parameters, finish reasons, tokens.
 *
 * Takes the object that `chat.completions.create`, `parse` or a stream's `finalChatCompletion` gives, of any version of
 * `openai` and of compatible servers; nothing is fetched. Tokens that the completion does not have (a stream without
 * `include_usage`) stay unknown. The same completion, by `id` and `created`, is recorded once. Never throws.
 *
 * @example
 * const request = { model: "gpt-4.1", messages: [{ role: "user" as const, content: "Solve 3x + 11 = 14." }] };
 * const completion = await openai.chat.completions.create(request);
 * recordChatCompletion(completion, { request });
 */
export function recordChatCompletion(
  completion: ChatCompletionLike,
  options: RecordChatCompletionOptions = {},
): RecordedObject {
  const id = guard(() => text(field(completion, "id")) ?? "", "");
  const { traceId, spanId } = OFF_SPAN;
  const nothing: RecordedObject = { traceId, spanId, id, status: "unknown", recorded: false };
  return guard(() => {
    if (typeof completion !== "object" || completion === null) {
      throw new TypeError("recordChatCompletion: the completion is no object");
    }
    const runtime = activeRuntime();
    if (runtime === null) return nothing;
    const { request, input, name, provider = "openai" } = options ?? {};
    const startedMs = toEpochMs(options?.startTime) ?? moment(field(completion, "created"));
    const endMs = toEpochMs(options?.endTime) ?? untoldEnd(startedMs, runtime.clock.epochMs());
    const startMs = startedMs ?? endMs;
    const plan = chatDescriber.plan({ request, answer: completion, provider, startMs, endMs });
    const [span] = plan.spans;
    const patch = { ...span.patch, ...known({ input }) };
    const named = { ...plan, isWhole: true, spans: [{ ...span, patch, name: name ?? span.name }] as const };
    return { ...writePlan(runtime, runtime.carrier.get(), named), id };
  }, nothing);
}

/** `POST /chat/completions`. */
export const chatDescriber: Describer = {
  request: (request, provider) => chatRequest(request, provider),
  plan(call) {
    const { request, answer, provider } = call;
    const responseModel = text(field(answer, "model"));
    // Azure has no model in its requests; the answer names it.
    const asked = call.requested?.patch.genAi?.requestModel === undefined ? undefined : call.requested;
    const requested = asked ?? chatRequest(request, provider, responseModel);
    const choices = array(field(answer, "choices"));
    const output = choiceMessages(choices);
    const cut = incompleteReason(output);
    const citations = array(field(answer, "citations"));
    const patch: SpanPatch = {
      output,
      ...paidFor(field(answer, "usage")),
      ...(cut !== undefined && { level: "WARNING", statusMessage: `incomplete: ${cut}` }),
      ...(citations.length > 0 && { metadata: { citations } }),
      genAi: known({
        responseModel,
        responseId: text(field(answer, "id")),
        finishReasons: finishReasons(output),
        openai: chatDetails(call, cut),
      }),
    };
    const failure = errorOf(answer) ?? choices.map(failedChoice).find((each) => each !== undefined);
    return answeredPlan(call, { id: completionId(answer), requested, patch, failure });
  },
};

const PARAMETERS = [
  "temperature",
  "top_p",
  "max_tokens",
  "max_completion_tokens",
  "n",
  "seed",
  "stop",
  "frequency_penalty",
  "presence_penalty",
  "logit_bias",
  "logprobs",
  "top_logprobs",
  "reasoning_effort",
  "verbosity",
  "modalities",
  "tool_choice",
  "function_call",
  "parallel_tool_calls",
  "service_tier",
  "store",
  "stream",
  "prompt_cache_retention",
];

function chatRequest(request: unknown, provider: string, model?: string): RequestedSpan {
  const requestServiceTier = text(field(request, "service_tier"));
  const genAi: GenAi = known({
    toolDefinitions: toolDefinitions(field(request, "tools") ?? field(request, "functions")),
    outputType: outputType(request),
    openai: known({ apiType: "chat_completions" as const, requestServiceTier }),
  });
  const input = requestMessages(field(request, "messages"));
  const requested = requestedSpan(
    request,
    provider,
    { verb: "chat", type: "generation", input, parameters: PARAMETERS, genAi },
    model,
  );
  // A schema may be large, and is no setting; that there is one is.
  const format = text(field(field(request, "response_format"), "type"));
  if (format === undefined) return requested;
  const parameters = { ...requested.patch.genAi?.parameters, response_format: format };
  return { ...requested, patch: { ...requested.patch, genAi: { ...requested.patch.genAi, parameters } } };
}

function outputType(request: unknown): GenAi["outputType"] {
  const modalities = array(field(request, "modalities"));
  if (modalities.includes("audio")) return "speech";
  if (modalities.includes("image")) return "image";
  const format = text(field(field(request, "response_format"), "type"));
  if (format === "text") return "text";
  return format?.startsWith("json") ? "json" : undefined;
}

function chatDetails({ request, answer }: DescribedCall, cut: string | undefined): NonNullable<GenAi["openai"]> {
  return known({
    apiType: "chat_completions" as const,
    requestServiceTier: text(field(request, "service_tier")),
    serviceTier: text(field(answer, "service_tier")),
    systemFingerprint: text(field(answer, "system_fingerprint")),
    createdAt: seconds(field(answer, "created")),
    incompleteReason: cut,
  });
}

/** Compatible servers give the same id again, after a restart or always. */
export function completionId(completion: unknown): string {
  const id = text(field(completion, "id"));
  const created = seconds(field(completion, "created"));
  return id === undefined ? "" : created === undefined ? id : `${id} ${created}`;
}

/** One for each choice that has ended. */
export function finishReasons(messages: readonly ModelMessage[] | undefined): string[] | undefined {
  const reasons = messages?.flatMap(({ finish_reason }) => finish_reason ?? []);
  return reasons === undefined || reasons.length === 0 ? undefined : reasons;
}

/** Why an answer is not whole although the call succeeded. */
export function incompleteReason(messages: readonly ModelMessage[] | undefined): string | undefined {
  const reasons = finishReasons(messages);
  return ["content_filter", "length"].find((reason) => reasons?.includes(reason));
}

/** OpenRouter tells of a provider that broke off where the answer would be. */
function failedChoice(choice: unknown): Failure | undefined {
  if (field(choice, "finish_reason") !== "error") return undefined;
  return errorOf(choice) ?? { code: "error", message: undefined };
}
