import type { StartingCall } from "../../core/call-watch.ts";
import type { SpanRecord } from "../../core/record.ts";
import type { ModelCall } from "../model-call.ts";
import type { Dimension } from "../reading.ts";

/** Whose money it is, or will be. */
export type Spender = { readonly [dimension in Dimension]: string | undefined } & {
  /** The model that answered, where it is known: `gpt-4.1-2025-04-14`. */
  readonly answered?: string | undefined;
};

export function spenderOfCall({ model, trace }: Pick<StartingCall, "model" | "trace">): Spender {
  return { model: text(model), feature: text(trace.feature), team: text(trace.team), user: text(trace.userId) };
}

/** `model` is the one that was asked for, as a call that starts knows no other. */
export function spenderOfRecord(record: SpanRecord, { model, feature, team, user }: ModelCall): Spender {
  return { model: text(record.genAi?.requestModel) ?? model, answered: model, feature, team, user };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}
