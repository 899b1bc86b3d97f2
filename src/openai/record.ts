import { debug, guard } from "../core/guard.ts";
import { OFF_SPAN } from "../core/non-recording-span.ts";
import { type AgentTurnLike, type RecordAgentTurnOptions, recordAgentTurn } from "./agents.ts";
import { type AssistantRun, type RecordedRun, recordAssistantRun } from "./assistants.ts";
import { type ChatCompletionLike, type RecordChatCompletionOptions, recordChatCompletion } from "./chat.ts";
import { field, text } from "./fields.ts";
import type { RecordedObject } from "./recorded.ts";
import { type RecordResponseOptions, type ResponseLike, recordResponse } from "./responses.ts";
import type { Listable, Listed, MessageLike, RunLike, RunStepLike } from "./shapes.ts";

/** What belongs to a run, as data. */
export type RecordRunOptions<Steps = Listable<RunStepLike>, Messages = Listable<MessageLike>> = Omit<
  AssistantRun<Steps, Messages>,
  "run"
>;

type Of<Name extends string, T> = T & { readonly object: Name };

type Named = { readonly object: "response" | "chat.completion" | "thread.run" | "agent.session.turn" };

/** What has an overload of its own is not taken by the one for everything, which TypeScript would prefer. */
type Other<T> = T extends Named | { readonly type: string; readonly response: Named } ? never : T;

/**
 * Records any object of OpenAI's APIs that stands for model calls, by its `object`: `response`, `chat.completion`,
 * `agent.session.turn` or `thread.run`; also the event of a stream that carries one. The options are those of
 * `recordResponse`, `recordChatCompletion`, `recordAgentTurn` and `recordAssistantRun`. Anything else is not recorded,
 * and never an error.
 *
 * @example
 * for await (const event of await openai.responses.create({ ...request, stream: true })) {
 *   if (event.type === "response.completed") record(event, { request });
 * }
 */
export function record(response: Of<"response", ResponseLike>, options?: RecordResponseOptions): RecordedObject;
export function record(
  event: { readonly type: string; readonly response: ResponseLike },
  options?: RecordResponseOptions,
): RecordedObject;
export function record(
  completion: Of<"chat.completion", ChatCompletionLike>,
  options?: RecordChatCompletionOptions,
): RecordedObject;
export function record(
  run: Of<"thread.run", RunLike>,
  options?: RecordRunOptions<Listed<RunStepLike>, Listed<MessageLike>>,
): RecordedRun;
export function record(run: Of<"thread.run", RunLike>, options: RecordRunOptions): Promise<RecordedRun>;
export function record(
  turn: Of<"agent.session.turn", AgentTurnLike>,
  options?: RecordAgentTurnOptions<Listed<unknown>>,
): RecordedObject;
export function record(
  turn: Of<"agent.session.turn", AgentTurnLike>,
  options: RecordAgentTurnOptions,
): Promise<RecordedObject>;
export function record<T>(object: Other<T>, options?: object): RecordedObject | Promise<RecordedObject>;
export function record(object: unknown, options?: object): RecordedObject | Promise<RecordedObject> {
  const { traceId, spanId } = OFF_SPAN;
  const nothing: RecordedObject = { traceId, spanId, id: "", status: "unknown", recorded: false };
  return guard(() => {
    const carried = carriedBy(object);
    const name = text(field(carried, "object"));
    const recorder = RECORDERS.get(name ?? "");
    if (recorder !== undefined) return recorder(carried, options);
    debug(`record: ${name === undefined ? "an object without a name" : `a ${name}`} is not recorded`);
    return nothing;
  }, nothing);
}

const RECORDERS: ReadonlyMap<string, (object: any, options?: any) => RecordedObject | Promise<RecordedObject>> =
  new Map<string, (object: any, options?: any) => RecordedObject | Promise<RecordedObject>>([
    ["response", recordResponse],
    ["chat.completion", recordChatCompletion],
    ["agent.session.turn", recordAgentTurn],
    ["thread.run", (run, options) => recordAssistantRun({ ...options, run })],
  ]);

/** An event of a stream carries its object: of Responses, of the Agents API, of Assistants. */
function carriedBy(object: unknown): unknown {
  if (field(object, "object") !== undefined) return object;
  return field(object, "response") ?? field(object, "turn") ?? field(object, "data") ?? object;
}
