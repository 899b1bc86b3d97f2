import type { SpanRecord } from "../../core/record.ts";
import type { Sample } from "./scorer.ts";
import { array, contentText, field, messagesIn, text, textOf } from "./text-of.ts";

/** Characters of each text that scorers get: some 3,000 words. What a scorer costs grows with them. */
export const MAX_CHARACTERS = 20_000;

/**
 * The spans that are an answer of a model: chat and text completions, responses, generations of your own, and the runs of
 * assistants and agents, whose single steps are asked by tools and not by people. Not what failed, embeds, draws or speaks.
 */
export function isAnswer(record: SpanRecord): boolean {
  if (record.unfinished) return false;
  const { type, genAi, http, status } = record;
  const apiType = genAi?.openai?.apiType;
  const isRun = apiType === "assistants" || apiType === "agents";
  if (isRun ? type !== "agent" : type !== "generation") return false;
  if (status.code === "error" && !isHeldBack(record)) return false;
  const { outputType, operation } = genAi ?? {};
  if (outputType === "image" || outputType === "speech" || operation === "embeddings") return false;
  // A transcription is asked by a sound, and has nothing that it could be held against.
  return http?.route.startsWith("/audio/") !== true;
}

function isHeldBack({ genAi }: SpanRecord): boolean {
  return (
    genAi?.finishReasons?.includes("content_filter") === true || genAi?.openai?.incompleteReason === "content_filter"
  );
}

/** What scorers see of an answer; `undefined` where the model said nothing to people: it called tools, or it was not recorded. */
export function sampleOf(record: SpanRecord, maxCharacters: number = MAX_CHARACTERS): Sample | undefined {
  const { genAi, output, trace } = record;
  const answer = answerOf(output);
  const isRefused = answer.isRefused || isHeldBack(record);
  if (answer.text === "" && !isRefused && (output === undefined || answer.callsTools)) return undefined;
  const asked = questionOf(record);
  const isCut =
    answer.text.length > maxCharacters || record.cuts?.some(({ path }) => path.startsWith("output")) === true;
  return {
    input: asked.input.slice(0, maxCharacters),
    output: answer.text.slice(0, maxCharacters),
    context: asked.context.slice(0, maxCharacters),
    model: genAi?.responseModel ?? genAi?.requestModel,
    feature: trace.feature,
    traceId: record.traceId,
    spanId: record.spanId,
    finishReasons: genAi?.finishReasons ?? [],
    isRefused,
    isCut,
    record,
  };
}

interface Answer {
  readonly text: string;
  readonly isRefused: boolean;
  readonly callsTools: boolean;
}

function answerOf(output: unknown): Answer {
  const messages = messagesIn(output);
  if (messages === undefined) return { text: textOf(output), isRefused: false, callsTools: false };
  // Several answers to one request, of which the first one counts: each has its own reason to end.
  const isChoice = (message: unknown): boolean => field(message, "finish_reason") !== undefined;
  const said = messages.length > 1 && messages.every(isChoice) ? messages.slice(0, 1) : messages;
  const spoken = said.filter((message) => field(message, "role") !== "tool");
  const types = said.flatMap((message) => array(field(message, "parts") ?? field(message, "content")));
  const has = (type: RegExp): boolean => types.some((part) => type.test(text(field(part, "type")) ?? ""));
  return {
    text: spoken.map(contentText).filter(Boolean).join("\n"),
    isRefused: has(/^refusal$/) || said.some((message) => Boolean(field(message, "refusal"))),
    callsTools: has(/tool_call/) || said.some((message) => array(field(message, "tool_calls")).length > 0),
  };
}

function questionOf({ input, output, genAi }: SpanRecord): { input: string; context: string } {
  const instructions = textOf(genAi?.systemInstructions);
  const found = toolTexts(messagesIn(output) ?? []);
  const messages = messagesIn(input);
  const join = (texts: readonly string[]): string => texts.filter(Boolean).join("\n");
  if (messages === undefined) return { input: textOf(input), context: join([instructions, found]) };
  const isUser = (message: unknown): boolean => field(message, "role") === "user";
  const isAnswered = (message: unknown): boolean => /^(?:assistant|model|ai)$/.test(text(field(message, "role")) ?? "");
  const asks = (message: unknown, at: number): boolean => isUser(message) && at > lastAnswered;
  // An answer that only called tools does not end the question; the question may be further up.
  const spoke = messages.findLastIndex((message) => isAnswered(message) && contentText(message) !== "");
  const lastUser = messages.findLastIndex(isUser);
  const lastAnswered = spoke < lastUser ? spoke : lastUser - 1;
  return {
    input: join(messages.filter(asks).map(contentText)),
    context: join([
      instructions,
      ...messages.map((message, at) => (asks(message, at) ? "" : contentText(message))),
      toolTexts(messages),
      found,
    ]),
  };
}

/** What tools answered, the provider's own ones too. */
function toolTexts(messages: readonly unknown[]): string {
  const parts = messages.flatMap((message) => array(field(message, "parts")));
  return parts
    .map((part) => textOf(field(part, "response") ?? field(part, "server_tool_call_response")))
    .filter(Boolean)
    .join("\n");
}
