import { blobPart } from "../messages.ts";
import { type Budget, createBudget } from "./budget.ts";
import { createChunkHead, isObject, type Wire } from "./chunk-head.ts";
import type { Merger } from "./exchange.ts";

/** Above these a stream is no answer of a model. */
const MAX_CHOICES = 256;
const MAX_CALLS = 1024;
const MAX_ANNOTATIONS = 1024;

interface Choice {
  readonly message: Wire;
  /** In their order. */
  readonly calls: Map<number, Wire>;
  /** The call that an index stands for now. */
  readonly current: Map<number, Wire>;
  lastCall: Wire | undefined;
  finishReason: unknown;
}

/**
 * Puts the chunks of a streamed chat completion together: choices and tool calls by their index, so that parallel calls
 * stay apart; calls without an index (some hosts) by their id. Usage is that of the last chunk that has one. Left out:
 * log probabilities, padding (`obfuscation`) and the audio's bytes, of which the number is kept as `bytes`. `asked` is the number of choices that the request wants.
 */
export function createChatMerger(asked = 1): Merger {
  const budget = createBudget();
  const head = createChunkHead("chat.completion");
  const choices = new Map<number, Choice>();

  const choiceAt = (index: number): Choice | undefined => {
    let choice = choices.get(index);
    if (choice !== undefined || choices.size >= MAX_CHOICES) return choice;
    const message = { role: "assistant", content: null };
    choice = { message, calls: new Map(), current: new Map(), lastCall: undefined, finishReason: null };
    choices.set(index, choice);
    return choice;
  };

  return {
    event(name, data) {
      if (!head.read(name, data) || !Array.isArray(data.choices)) return;
      for (const part of data.choices) {
        if (!isObject(part)) continue;
        const choice = choiceAt(typeof part.index === "number" ? part.index : 0);
        if (choice === undefined) continue;
        // A whole message instead of a delta: hosts that only seem to stream.
        const delta = part.delta ?? part.message;
        if (isObject(delta)) mergeDelta(choice, delta, budget);
        if (part.finish_reason != null) choice.finishReason = part.finish_reason;
      }
    },
    result() {
      return head.result({
        choices: [...choices].sort(([a], [b]) => a - b).map(([index, choice]) => finishedChoice(index, choice)),
      });
    },
    get isComplete() {
      // Some hosts send no [DONE].
      const isFinished = ({ finishReason }: Choice): boolean => finishReason !== null;
      return head.done || (choices.size >= Math.max(asked, 1) && [...choices.values()].every(isFinished));
    },
    mismatch: undefined,
    get error() {
      return head.error;
    },
    get truncated() {
      return budget.exceeded;
    },
  };
}

function finishedChoice(index: number, { message, calls, finishReason }: Choice): Wire {
  const called = [...calls].sort(([a], [b]) => a - b).map(([, call]) => call);
  return {
    index,
    message: called.length === 0 ? message : { ...message, tool_calls: called },
    finish_reason: finishReason,
  };
}

/** `reasoning_content` is DeepSeek's and others', `reasoning` is that of OpenRouter and Groq. */
const TEXTS = ["content", "refusal", "reasoning_content", "reasoning"];

function mergeDelta(choice: Choice, delta: Wire, budget: Budget): void {
  const { message } = choice;
  if (typeof delta.role === "string" && delta.role !== "") message.role = delta.role;
  for (const key of TEXTS) {
    const text = delta[key];
    if (typeof text === "string") message[key] = (message[key] ?? "") + budget.take(text);
    else if (Array.isArray(text)) mergeParts(message, text, budget);
  }
  if (Array.isArray(delta.tool_calls)) for (const call of delta.tool_calls) mergeCall(choice, call, budget);
  if (isObject(delta.function_call)) {
    message.function_call ??= { name: "", arguments: "" };
    mergeFunction(message.function_call, delta.function_call, budget);
  }
  if (isObject(delta.audio)) message.audio = mergeAudio(message.audio ?? {}, delta.audio, budget);
  if (Array.isArray(delta.annotations)) mergeAnnotations(message, delta.annotations, budget);
}

/** Mistral's reasoning models stream a list of parts. */
function mergeParts(message: Wire, parts: readonly unknown[], budget: Budget): void {
  for (const part of parts) {
    if (!isObject(part)) continue;
    if (typeof part.text === "string") message.content = (message.content ?? "") + budget.take(part.text);
    if (!Array.isArray(part.thinking)) continue;
    for (const thought of part.thinking) {
      if (typeof thought?.text !== "string") continue;
      message.reasoning_content = (message.reasoning_content ?? "") + budget.take(thought.text);
    }
  }
}

function mergeCall(choice: Choice, delta: unknown, budget: Budget): void {
  if (!isObject(delta)) return;
  const call = callOf(choice, delta);
  if (call === undefined) return;
  choice.lastCall = call;
  if (typeof delta.id === "string" && delta.id !== "") call.id ??= delta.id;
  if (typeof delta.type === "string") call.type = delta.type;
  if (isObject(delta.custom)) {
    call.type = "custom";
    call.custom ??= { name: "", input: "" };
    if (delta.custom.name) call.custom.name = delta.custom.name;
    if (typeof delta.custom.input === "string") call.custom.input += budget.take(delta.custom.input);
  }
  if (isObject(delta.function)) {
    call.type ??= "function";
    call.function ??= { name: "", arguments: "" };
    mergeFunction(call.function, delta.function, budget);
  }
}

/**
 * The call that a delta goes on with. Some hosts give every call the index 0, or none: there a new id that comes with a
 * name begins another call, and what has neither goes on with the last one.
 */
function callOf({ calls, current, lastCall }: Choice, delta: Wire): Wire | undefined {
  const id = typeof delta.id === "string" && delta.id !== "" ? delta.id : undefined;
  const index = typeof delta.index === "number" ? delta.index : undefined;
  const isNamed = Boolean(delta.function?.name || delta.custom?.name);
  let call = index === undefined ? undefined : current.get(index);
  if (index === undefined && id === undefined && !isNamed) call = lastCall;
  if (id !== undefined && call?.id !== undefined && call.id !== id && isNamed) call = undefined;
  if (call === undefined && id !== undefined) call = [...calls.values()].find((known) => known.id === id);
  if (call === undefined) {
    if (calls.size >= MAX_CALLS) return undefined;
    calls.set(index !== undefined && !calls.has(index) ? index : nextIndex(calls), (call = {}));
  }
  if (index !== undefined) current.set(index, call);
  return call;
}

function nextIndex(calls: ReadonlyMap<number, Wire>): number {
  let next = 0;
  for (const index of calls.keys()) if (index >= next) next = index + 1;
  return next;
}

function mergeFunction(target: Wire, delta: Wire, budget: Budget): void {
  if (typeof delta.name === "string" && delta.name !== "") target.name = delta.name;
  const args = delta.arguments;
  if (typeof args === "string") target.arguments += budget.take(args);
  else if (isObject(args)) target.arguments += budget.take(JSON.stringify(args));
}

function mergeAudio(target: Wire, delta: Wire, budget: Budget): Wire {
  if (typeof delta.id === "string") target.id = delta.id;
  if (typeof delta.expires_at === "number") target.expires_at = delta.expires_at;
  if (typeof delta.transcript === "string")
    target.transcript = (target.transcript ?? "") + budget.take(delta.transcript);
  if (typeof delta.data === "string")
    target.bytes = (target.bytes ?? 0) + Number(blobPart("audio", delta.data)["bytes"]);
  return target;
}

function mergeAnnotations(message: Wire, annotations: readonly unknown[], budget: Budget): void {
  message.annotations ??= [];
  for (const annotation of annotations) {
    if (message.annotations.length < MAX_ANNOTATIONS && budget.has(annotation)) message.annotations.push(annotation);
  }
}
