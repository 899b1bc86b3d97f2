import { isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import type { Channel, Notification } from "./notification.ts";
import { oneLine } from "./text.ts";

/** What every channel takes. */
export interface ChannelOptions {
  /** Told apart by it, in figures and in what is kept from one process to the next. Default: the vendor's. */
  readonly name?: string;
  /** Milliseconds for a request and its answer. Default: 10,000. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
}

/** Timers of more than 31 bits go off at once. */
export const MAX_TIMEOUT_MS: number = 2 ** 31 - 1;

type Check = readonly [isRight: (value: unknown) => boolean, wanted: string];

const isText = (value: unknown): boolean => typeof value === "string" && value.trim() !== "";
const isObject = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);

export const TEXT: Check = [isText, "a text that is not empty"];
export const URL_TEXT: Check = [(value) => isText(value) || value instanceof URL, "an address"];
export const OBJECT: Check = [isObject, "an object"];
export const FUNCTION: Check = [isFunction, "a function"];
export const TEXTS: Check = [(value) => Array.isArray(value) && value.every(isText), "a list of texts"];
export const POSITIVE: Check = [(value) => typeof value === "number" && value > 0, "a number above zero"];
export const CLOCK: Check = [
  (value) => isObject(value) && isFunction((value as Clock).epochMs) && isFunction((value as Clock).monotonicMs),
  "a clock",
];

export const COMMON: { readonly name: Check; readonly timeoutMs: Check; readonly clock: Check } = {
  name: TEXT,
  timeoutMs: POSITIVE,
  clock: CLOCK,
};

/** What needs no answer to it; for channels that know nothing of acknowledgements. */
export const WITHOUT_ACKNOWLEDGE: NonNullable<Channel["actions"]> = ["trigger", "update", "resolve"];

const ACTION_WORDS: { readonly [action in Notification["action"]]?: string } = {
  acknowledge: "Acknowledged",
  resolve: "Resolved",
};

/** `text` with what has become of it: `Resolved: High error rate`. Said once, whoever says it first: `Resolved after 1 s by ada`. */
export function titled(action: Notification["action"], text: string): string {
  const line = oneLine(text) || "(no title)";
  const word = ACTION_WORDS[action];
  const isSaid = word === undefined || new RegExp(`^${word}(:| after | by )`, "i").test(line);
  return isSaid ? line : `${word}: ${line}`;
}
