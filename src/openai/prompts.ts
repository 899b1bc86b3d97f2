import { contentParts, type ModelMessage } from "./messages.ts";

/** A prompt that is no list of messages: a text, several, tokens, or parts. Each text of several is a message of its own. */
export function textMessages(prompt: unknown): ModelMessage[] | undefined {
  const texts = givenTexts(prompt);
  if (texts === undefined) return undefined;
  return (Array.isArray(texts) ? texts : [texts]).map((given) => ({ role: "user", parts: contentParts(given) }));
}

/** What was given, with the count in place of tokens: nobody can read them, and there are thousands. */
export function givenTexts(given: unknown): unknown {
  if (given === undefined || given === null) return undefined;
  if (!Array.isArray(given)) return given;
  return isTokens(given) ? { type: "tokens", count: given.length } : given.map(tokenCount);
}

function tokenCount(given: unknown): unknown {
  return isTokens(given) ? { type: "tokens", count: given.length } : given;
}

function isTokens(given: unknown): given is number[] {
  return Array.isArray(given) && typeof given[0] === "number";
}
