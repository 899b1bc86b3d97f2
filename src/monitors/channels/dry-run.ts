import { callBack } from "../../core/guard.ts";
import type { Channel } from "./notification.ts";

/** A channel in place of another that says what it would send, and sends nothing. */
export function dryRunOf(channel: Channel, tell: true | ((channel: string, payload: unknown) => void)): Channel {
  const say = tell === true ? print : tell;
  const { name, actions = ["trigger", "update", "acknowledge", "resolve"] } = channel;
  return {
    name,
    actions,
    preview: channel.preview,
    async send(notification, thread) {
      callBack(() => say(name, channel.preview(notification, thread)));
    },
  };
}

function print(channel: string, payload: unknown): void {
  process.stdout.write(`${channel} ${JSON.stringify(payload, null, 2)}\n`);
}
