import { checkOptions } from "../../core/check-options.ts";
import { SinkError } from "../../core/errors.ts";
import type { Channel, Notification } from "./notification.ts";
import { TEXT } from "./options.ts";
import { isoTime, oneLine, plain } from "./text.ts";

export interface ConsoleChannelOptions {
  /** Default: standard output. */
  readonly stream?: { write(text: string, done?: (error?: Error | null) => void): unknown };
  /** Default: `console`. */
  readonly name?: string;
}

/**
 * Writes messages as lines for people: the first with time, severity and title, the others indented.
 *
 * @throws ConfigError for a stream that cannot be written to
 * @example
 * import { consoleChannel, notifier } from "sightline/monitors";
 * notifier({ channels: [consoleChannel({ stream: process.stderr })] });
 */
export function consoleChannel(options: ConsoleChannelOptions = {}): Channel {
  const isStream = (value: unknown) => typeof (value as { write?: unknown } | null)?.write === "function";
  checkOptions("consoleChannel", options, { stream: [isStream, "a stream"], name: TEXT });
  const { name = "console", stream = process.stdout } = options;
  return {
    name,
    send(notification, _thread, signal) {
      return new Promise((resolve, reject) => {
        const fail = (problem: string) => reject(new SinkError(`channel "${name}": ${problem}`, { retry: "later" }));
        signal.addEventListener("abort", () => fail("the stream takes nothing"), { once: true });
        stream.write(consoleText(notification), (error) => (error ? fail("the stream failed") : resolve()));
        // What is no stream of Node's calls nobody back: `{ write: (text) => lines.push(text) }`.
        if (!("once" in stream)) resolve();
      });
    },
    preview: consoleText,
  };
}

/** Control characters are left out: they could do things to a terminal. */
export function consoleText(notification: Notification): string {
  const { time, severity, action, title, text, facts, links } = notification;
  const head = `${isoTime(time).slice(0, 19).replace("T", " ")}Z  ${severity.toUpperCase()}  ${action}  `;
  const rest = [
    ...plain(text).split("\n"),
    ...Object.entries(facts).map(([name, value]) => `${oneLine(name)}: ${oneLine(value)}`),
    ...links.map((link) => `${oneLine(link.text)}: ${oneLine(link.href)}`),
  ];
  const lines = rest.filter((line) => line.trim() !== "").map((line) => `    ${line.trimEnd()}`);
  return `${[head + (oneLine(title) || "(no title)"), ...lines].join("\n")}\n`;
}
