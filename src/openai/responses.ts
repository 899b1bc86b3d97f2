import { type TimeInput, toEpochMs } from "../core/clock.ts";
import { guard } from "../core/guard.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import { activeRuntime } from "../core/runtime.ts";
import type { Describer } from "./describe.ts";
import { field, moment, text, untoldEnd } from "./fields.ts";
import { type RecordedObject, writePlan } from "./recorded.ts";
import { hasEnded, planResponse, responseRequest } from "./response-plan.ts";
import type { Moment } from "./shapes.ts";

export { planResponse } from "./response-plan.ts";

/** What is read of a response, of OpenAI's or any compatible server's; in camelCase too. */
export interface ResponseLike {
  readonly id?: string;
  readonly object?: string;
  readonly status?: string | null;
  readonly model?: string;
  readonly created_at?: Moment;
  readonly completed_at?: Moment;
  readonly output?: readonly unknown[];
  readonly usage?: unknown;
  readonly error?: unknown;
  readonly incomplete_details?: unknown;
  readonly instructions?: unknown;
  readonly tools?: readonly unknown[];
  readonly conversation?: unknown;
  readonly previous_response_id?: string | null;
  readonly background?: boolean | null;
  readonly service_tier?: string | null;
}

export interface RecordResponseOptions {
  /** What `responses.create` was called with: the input, and what the response does not repeat. */
  request?: unknown;
  /** Instead of the request's input: a text or items. */
  input?: unknown;
  /** Default: `chat {model}`. */
  name?: string;
  /** Default: the response's `created_at`, which has whole seconds. */
  startTime?: TimeInput;
  /** Default: the response's `completed_at`, which only newer ones have, then `observedAt`; the start, where that is over an hour before. */
  endTime?: TimeInput;
  /** When the response was read: the end of what has no end. Default: now. */
  observedAt?: TimeInput;
  /** Default: `openai`. */
  provider?: string;
}

/**
 * Records a response of the Responses API as a generation under the current span: messages, model, parameters, status,
 * tokens; and below it `execute_tool` for each call of the provider's own tools (web search, file search, code
 * interpreter, image generation, MCP). Function calls are part of the output: who runs them records them.
 *
 * Takes the object that `responses.create`, `parse`, `retrieve` or a stream's `finalResponse` gives, of any version of
 * `openai` and of compatible servers; nothing is fetched. One response is one observation, however often it is recorded,
 * and keeps what each recording knew; one that `tracedFetch` sees is written by that alone. A background response that has
 * not ended is written as unfinished, with a warning and without usage, again when there is news of it or when it is twice
 * as old, and completed by a later recording. It is linked to the response that it goes on from where that has been recorded by this process. Its
 * conversation becomes the session of a trace that has none. Never throws.
 *
 * @example
 * const request = { model: "gpt-5", input: "Solve 3x + 11 = 14." };
 * const response = await openai.responses.create(request);
 * recordResponse(response, { request });
 */
export function recordResponse(response: ResponseLike, options: RecordResponseOptions = {}): RecordedObject {
  const { traceId, spanId } = OFF_SPAN;
  const nothing: RecordedObject = { traceId, spanId, ...identity(response), recorded: false };
  return guard(() => {
    if (!isResponse(response)) throw new TypeError("recordResponse: this is no response: it has no id and no output");
    const runtime = activeRuntime();
    if (runtime === null) return nothing;
    const { request, input, name, provider = "openai" } = options ?? {};
    const observedMs = toEpochMs(options?.observedAt) ?? runtime.clock.epochMs();
    const startedMs = toEpochMs(options?.startTime) ?? moment(field(response, "created_at"));
    const toldMs = toEpochMs(options?.endTime) ?? moment(field(response, "completed_at"));
    const endMs = toldMs ?? (hasEnded(response) ? untoldEnd(startedMs, observedMs) : observedMs);
    const startMs = startedMs ?? endMs;
    const plan = planResponse({ response, request, input, name, provider, startMs, endMs });
    const [first, ...children] = plan.spans;
    const spans = [{ ...first, isNamed: name !== undefined }, ...children] as const;
    return writePlan(runtime, runtime.carrier.get(), { ...plan, spans });
  }, nothing);
}

function isResponse(value: unknown): boolean {
  return text(field(value, "id")) !== undefined || Array.isArray(field(value, "output"));
}

function identity(response: unknown): { id: string; status: string } {
  return guard(
    () => ({ id: text(field(response, "id")) ?? "", status: text(field(response, "status")) ?? "unknown" }),
    { id: "", status: "unknown" },
  );
}

/** `POST /responses`, and a response in the background however it is asked for. */
export const responseDescriber: Describer = {
  request: (request, provider) => responseRequest(request, provider),
  plan({ request, answer, provider, startMs, endMs }) {
    // One in the background lives on between requests, so its own times count.
    const isBackground = field(answer, "background") === true;
    const created = isBackground ? moment(field(answer, "created_at")) : undefined;
    const completed = isBackground ? moment(field(answer, "completed_at")) : undefined;
    const times = { startMs: created ?? startMs, endMs: completed ?? endMs };
    return planResponse({ response: answer, request, provider, ...times });
  },
};
