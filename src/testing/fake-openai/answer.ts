import type { Wire } from "./http.ts";
import { sample } from "./text.ts";

/** A function that the model calls. */
export interface PlannedCall {
  readonly name: string;
  /** JSON; a string goes as it is, whether it is JSON or not. Default: `{}`. */
  readonly arguments?: unknown;
}

/** What the model says, in more detail than a text. */
export interface ModelAnswer {
  readonly text?: string;
  /** It declines, in these words, instead of the text. */
  readonly refusal?: string;
  /** What it thought: `reasoning_content` in chat, the summary of a reasoning item in responses. */
  readonly reasoning?: string;
  /**
   * The functions that it calls instead of answering; `[]` for none. Default: each function tool of the request once,
   * unless the last message is the output of one.
   */
  readonly calls?: readonly PlannedCall[];
  /** Parallel calls are streamed in turns, a piece of each, as some compatible servers do it. */
  readonly isInterleaved?: boolean;
  /** Why it stops. Default: `length` when the request's limit cuts the text. */
  readonly finish?: "length" | "content_filter";
  /** How many of the prompt's tokens were in the cache. Default: 0. */
  readonly cachedTokens?: number;
}

export function argumentsText({ arguments: args = {} }: PlannedCall): string {
  return typeof args === "string" ? args : JSON.stringify(args);
}

/** A call of each function tool, with arguments that fit it; only the one that `tool_choice` names. */
export function sampleCalls(functions: readonly Wire[], body: Wire, question: string): PlannedCall[] {
  const chosen = body.tool_choice?.function?.name ?? body.tool_choice?.name;
  const wanted = chosen === undefined ? functions : functions.filter(({ name }) => name === chosen);
  const parallel = body.parallel_tool_calls === false ? wanted.slice(0, 1) : wanted;
  return parallel.map(({ name, parameters }) => ({ name, arguments: sample(parameters, question) }));
}
