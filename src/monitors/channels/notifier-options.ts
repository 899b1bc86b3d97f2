import { checkOptions, isFunction } from "../../core/check-options.ts";
import { ConfigError } from "../../core/errors.ts";
import type { Channel } from "./notification.ts";
import type { NotifierOptions } from "./notifier.ts";
import { CLOCK, FUNCTION, OBJECT, POSITIVE, TEXT, TEXTS } from "./options.ts";

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
