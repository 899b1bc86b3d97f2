import type { Json, SpanRecord } from "../core/record.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { isObject, type Message, messageOfText, messagesOf } from "./messages.ts";
import { operationOf } from "./operation.ts";
import type { Profile } from "./profile.ts";
import type { AttributeKey } from "./registry.ts";

/** Operations whose input is what somebody said, even as plain text. */
const CONVERSATIONS: ReadonlySet<string | undefined> = new Set([
  "chat",
  "text_completion",
  "generate_content",
  "invoke_agent",
]);
/** Operations whose content is no messages. */
const NO_MESSAGES: ReadonlySet<string | undefined> = new Set([
  undefined,
  "embeddings",
  "create_agent",
  "execute_tool",
  "retrieval",
]);

/**
 * Input and output of a span, each once: under the conventions' name where they have one for it (messages of a model, an
 * agent or a workflow, arguments and result of a tool, query and documents of a retrieval), else as
 * `sightline.input.value` and `sightline.output.value`. 1.36 has no such names: it had an event for each message.
 */
export function putContent(out: AttributeWriter, record: SpanRecord): void {
  const { genAi, input, output } = record;
  const operation = operationOf(record);
  out.put("systemInstructions", genAi?.systemInstructions);
  out.put("toolDefinitions", genAi?.toolDefinitions);
  if (input !== undefined && !putInput(out, input, operation)) putValue(out, OWN.input, input);
  if (output !== undefined && !putOutput(out, output, operation, record)) putValue(out, OWN.output, output);
}

/** Whether there is something that `putContent` would write. */
export function hasContent({ input, output, genAi }: SpanRecord): boolean {
  return [input, output, genAi?.systemInstructions, genAi?.toolDefinitions].some((value) => value !== undefined);
}

/** The words said; `undefined` where they are no messages of a conversation. */
export function inputMessages(input: Json, operation: string | undefined): Message[] | undefined {
  if (NO_MESSAGES.has(operation)) return undefined;
  if (typeof input !== "string") return messagesOf(input);
  return CONVERSATIONS.has(operation) ? [messageOfText("user", input)] : undefined;
}

function putInput(out: AttributeWriter, input: Json, operation: string | undefined): boolean {
  if (out.profile === "1.36") return false;
  if (operation === "execute_tool") return put(out, "toolArguments", input);
  if (operation === "retrieval") return typeof input === "string" && put(out, "retrievalQuery", input);
  return put(out, "inputMessages", inputMessages(input, operation));
}

function putOutput(out: AttributeWriter, output: Json, operation: string | undefined, record: SpanRecord): boolean {
  if (out.profile === "1.36") return false;
  if (operation === "execute_tool") return put(out, "toolResult", output);
  if (operation === "retrieval") return isDocuments(output) && put(out, "retrievalDocuments", output);
  const messages = outputMessages(output, operation);
  return put(
    out,
    "outputMessages",
    messages?.map((message, index) => finished(message, index, record, out.profile)),
  );
}

/** The words answered; `undefined` where they are no messages of a conversation. */
export function outputMessages(output: Json, operation: string | undefined): Message[] | undefined {
  if (NO_MESSAGES.has(operation)) return undefined;
  if (typeof output !== "string") return messagesOf(output);
  return CONVERSATIONS.has(operation) ? [messageOfText("assistant", output)] : undefined;
}

/** Up to 1.41 the schema requires that each message of an answer says why it ended; later the span alone does. */
function finished(message: Message, index: number, record: SpanRecord, profile: Profile): Message {
  const { finish_reason: reason, ...rest } = message;
  if (profile === "latest") return rest as Message;
  return { ...rest, finish_reason: reason ?? finishReasonOf(message, index, record) } as Message;
}

/**
 * What the record says of this message, or of the last one that it says it of; else what follows from the failure of the
 * span or the message itself. `stop` where nothing does: the schema has no word for not known.
 */
function finishReasonOf({ parts }: Message, index: number, { genAi, status }: SpanRecord): string {
  const reasons = genAi?.finishReasons;
  const known = Array.isArray(reasons) ? (reasons[index] ?? reasons.at(-1)) : undefined;
  if (typeof known === "string") return known;
  if (status.code === "error") return "error";
  return parts.some((part) => isObject(part) && part["type"] === "tool_call") ? "tool_call" : "stop";
}

function isDocuments(output: Json): boolean {
  return Array.isArray(output) && output.every(isObject);
}

function put(out: AttributeWriter, key: AttributeKey, value: Json | undefined): boolean {
  out.put(key, value);
  return value !== undefined && value !== null;
}

const OWN = {
  input: { value: "ownInputValue", mimeType: "ownInputMimeType" },
  output: { value: "ownOutputValue", mimeType: "ownOutputMimeType" },
} as const;

/** A value, and what it is where its text does not say that: `[1]` is a list, `1` may be a number or a text. */
function putValue(out: AttributeWriter, keys: (typeof OWN)["input" | "output"], value: Json): void {
  out.put(keys.value, value ?? "null");
  if (typeof value !== "object" || value === null) out.put(keys.mimeType, mimeTypeOf(value));
}

/** Of the text that stands for a value. */
export function mimeTypeOf(value: Json): string {
  return typeof value === "string" ? "text/plain" : "application/json";
}
