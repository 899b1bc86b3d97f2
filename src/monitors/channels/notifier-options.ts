import { checkOptions, isFunction } from "../../core/check-options.ts";
import type { Clock } from "../../core/clock.ts";
import { ConfigError, type SinkError } from "../../core/errors.ts";
import type { State } from "../state.ts";
import type { DeadLetter } from "./dead-letters.ts";
import type { TraceUrl } from "./normal.ts";
import type { Channel } from "./notification.ts";
import { CLOCK, FUNCTION, OBJECT, POSITIVE, TEXT, TEXTS } from "./options.ts";
import type { Route } from "./route.ts";

export interface NotifierOptions {
  /** Groups of channels, or one list that is told of everything. One channel may be in several groups. */
  channels: { readonly [group: string]: readonly Channel[] } | readonly Channel[];
  /** Default: `defaultRoutes` to the groups `page`, `team` and `ticket`; everything to one list. */
  routes?: readonly Route[];
  /** What alerts are told of together: `rule`, `severity`, names of labels. Default: `["rule", "severity"]`. */
  groupBy?: readonly string[];
  /** Milliseconds for which more alerts of a group are waited for. Default: 0, those of one evaluation. */
  groupWaitMs?: number;
  /**
   * A group that has been triggered is not triggered again for so many milliseconds, unless by a graver alert: it is told at
   * the end of them, if something still fires. Default: 300,000.
   */
  groupCooldownMs?: number;
  /** For each channel, in any minute. What exceeds it waits, and is merged by key. Default: 60. */
  maxPerMinute?: number;
  /** A message that cannot be sent for so long is a dead letter. Default: a day. */
  giveUpMs?: number;
  /** Milliseconds for one attempt of a channel, whatever it does. Default: 30,000. */
  sendTimeoutMs?: number;
  /**
   * Keeps what waits, and the threads, from one process to the next, and from one notifier to the next of the same `name`: the
   * earlier one sends no more, and hands on what it is given.
   */
  state?: State;
  /** Under which this notifier is kept in `state`. Default: `notifier`. */
  name?: string;
  /** The address of a trace: links to the traces of alerts. */
  traceUrl?: TraceUrl;
  /** Sends nothing, and prints what it would send, or gives it to the function. Does not touch `state`. */
  dryRun?: boolean | ((channel: string, payload: unknown) => void);
  /** A file (NDJSON, mode 0600) or a function. Without it they are kept in memory. The last 1,000. */
  deadLetters?: string | ((letter: DeadLetter) => void);
  /** Hears of each dead letter and of the first of several failures in a row. The error holds no secrets. */
  onError?: (error: SinkError, channel: string) => void;
  clock?: Clock;
  random?: () => number;
}

export function checkNotifier(options: NotifierOptions): void {
  const isTime = (value: unknown) => typeof value === "number" && value >= 0;
  const isPath = (value: unknown) => typeof value === "string" && value !== "";
  checkOptions("notifier", options, {
    channels: [(value) => typeof value === "object" && value !== null, "groups of channels, or a list of them"],
    routes: [Array.isArray, "a list of routes"],
    groupBy: TEXTS,
    groupWaitMs: [isTime, "milliseconds"],
    groupCooldownMs: [isTime, "milliseconds"],
    maxPerMinute: [(value) => typeof value === "number" && value >= 1, "a number from 1 on"],
    giveUpMs: POSITIVE,
    sendTimeoutMs: POSITIVE,
    state: OBJECT,
    name: TEXT,
    traceUrl: FUNCTION,
    dryRun: [(value) => typeof value === "boolean" || isFunction(value), "true, false or a function"],
    deadLetters: [(value) => isPath(value) || isFunction(value), "the path of a file, or a function"],
    onError: FUNCTION,
    clock: CLOCK,
    random: FUNCTION,
  });
  if (Array.isArray(options.channels) && options.routes !== undefined) {
    const way = "give channels as groups: { page: [pagerDuty(…)] }";
    throw new ConfigError("CONFIG_ROUTE", `notifier(): routes lead to groups of channels, and there are none; ${way}.`);
  }
}

/** The channels by their groups, checked: names tell them apart in figures, and in what is kept. */
export function namedGroups(channels: NotifierOptions["channels"]): { readonly [group: string]: readonly Channel[] } {
  const groups = Array.isArray(channels) ? { all: channels } : { ...(channels as { [group: string]: Channel[] }) };
  const names = new Map<string, Channel>();
  for (const [group, list] of Object.entries(groups)) {
    for (const channel of Array.isArray(list) ? list : [undefined]) {
      if (!isChannel(channel)) {
        const wanted = "a list of channels, such as [consoleChannel()]";
        throw new ConfigError("CONFIG_CHANNEL", `notifier(): channels.${group} must be ${wanted}.`);
      }
      const other = names.get(channel.name);
      if (other !== undefined && other !== channel) {
        const way = `give one of them another name, such as "${channel.name}-2"`;
        throw new ConfigError("CONFIG_CHANNEL", `notifier(): two channels are called "${channel.name}"; ${way}.`);
      }
      names.set(channel.name, channel);
    }
  }
  if (names.size === 0) {
    throw new ConfigError(
      "CONFIG_CHANNEL",
      "notifier(): there are no channels; consoleChannel() is one to begin with.",
    );
  }
  return groups;
}

function isChannel(channel: unknown): channel is Channel {
  const { name, send, preview } = (channel ?? {}) as Partial<Channel>;
  return typeof name === "string" && name !== "" && isFunction(send) && isFunction(preview);
}
