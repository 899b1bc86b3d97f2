import type { Clock } from "../../core/clock.ts";
import type { SinkError } from "../../core/errors.ts";
import { uuid } from "../../core/ids.ts";
import { deliver } from "./deliver.ts";
import type { Channel, Notification } from "./notification.ts";

/** What became of a test message. */
export interface TestOutcome {
  readonly channel: string;
  readonly ok: boolean;
  /** Without secrets. */
  readonly error?: string;
}

/** To each channel a message of the lowest severity, and its resolve, past the queues: so that no test pages anybody for long. */
export function sendTests(
  channels: readonly Channel[],
  clock: Clock,
  timeoutMs: number,
  signal: AbortSignal,
): Promise<TestOutcome[]> {
  const key = `sightline test ${uuid()}`;
  const message = (action: Notification["action"]): Notification => ({
    id: uuid(),
    key,
    action,
    severity: "sev4",
    title: "Test message from Sightline",
    text: "Nothing is wrong: somebody tries whether messages arrive here.",
    time: clock.epochMs(),
    alerts: [],
    facts: { severity: "SEV4" },
    links: [],
  });
  return Promise.all(
    channels.map(async (channel) => {
      try {
        const thread = await deliver(channel, message("trigger"), undefined, timeoutMs, signal);
        if (channel.actions?.includes("resolve") ?? true) {
          await deliver(channel, message("resolve"), thread, timeoutMs, signal);
        }
        return { channel: channel.name, ok: true };
      } catch (error) {
        return { channel: channel.name, ok: false, error: (error as SinkError).message };
      }
    }),
  );
}
