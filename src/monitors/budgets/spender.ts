import type { StartingCall } from "../../core/call-watch.ts";
import type { SpanRecord } from "../../core/record.ts";
import { isHashedUserId, keptUserIdHasher } from "../../core/user-id.ts";
import type { ModelCall } from "../model-call.ts";
import type { Dimension } from "../reading.ts";

/** Whose money it is, or will be. */
export type Spender = { readonly [dimension in Dimension]: string | undefined } & {
  /** The model that answered, or has answered such a call before, where it is known: `gpt-4.1-2025-04-14`. */
  readonly answered?: string | undefined;
};

/** @param answeredOf which model answers where this one is asked for */
export function spenderOfCall(
  { model: asked, trace }: Pick<StartingCall, "model" | "trace">,
  answeredOf: (model: string | undefined) => string | undefined,
): Spender {
  const model = text(asked);
  const answered = answeredOf(model);
  return { model, answered, feature: text(trace.feature), team: text(trace.team), user: text(trace.userId) };
}

/** `model` is the one that was asked for, as a call that starts knows no other. */
export function spenderOfRecord(
  { genAi }: SpanRecord,
  { model, feature, team, user }: ModelCall,
  answeredOf: (model: string | undefined) => string | undefined,
): Spender {
  const asked = text(genAi?.requestModel) ?? model;
  const answered = text(genAi?.responseModel) ?? answeredOf(asked) ?? model;
  return { model: asked, answered, feature, team, user };
}

/** As the records have the user: with `userIdKey` they have its hash, where a program gives the user itself. */
export function keptUser(user: string): string {
  // Asked for each time: what `configure` says of it may come after `budgets()`.
  const hasher = keptUserIdHasher();
  return hasher === undefined || isHashedUserId(user) ? user : hasher(user);
}

/** Whether these two are one: a name that the program has given, and one that a call or record has. */
export function isSame(dimension: Dimension, given: string, has: string | undefined): boolean {
  return has === given || (dimension === "user" && has !== undefined && has === keptUser(given));
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
