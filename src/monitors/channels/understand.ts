import { showValue } from "../../core/show-value.ts";
import { SEVERITIES } from "../alerts/alert.ts";
import { say } from "../say.ts";
import { normal, severityOf, type TraceUrl, UNKNOWN } from "./normal.ts";
import type { Notification } from "./notification.ts";

/** Reads what `notify` is given, and counts what cannot be understood: it throws into no program, and must not vanish. */
export interface Understanding {
  /** As it is kept; `undefined` for what is no message. */
  read(given: Notification, nowMs: number): Notification | undefined;
  readonly malformed: number;
}

export function understanding(name: string, traceUrl: TraceUrl | undefined): Understanding {
  const told = new Set<string>();
  let malformed = 0;

  const miss = (what: string, line: () => string): void => {
    malformed++;
    if (told.has(what)) return;
    told.add(what);
    say(`notifier "${name}": ${line()}`);
  };

  return {
    read(given, nowMs) {
      let read: Notification;
      try {
        read = normal(given, nowMs, traceUrl);
      } catch {
        miss(
          "message",
          () =>
            `nobody is told of ${said(given)}: a message takes a key, and trigger, update, acknowledge or resolve as action.`,
        );
        return undefined;
      }
      if (severityOf(given.severity) === undefined && read.action !== "resolve") {
        const known = SEVERITIES.join(", ");
        miss(
          "severity",
          () => `a message of severity ${showValue(given.severity)} is told as ${UNKNOWN}; there are ${known}.`,
        );
      }
      return read;
    },
    get malformed() {
      return malformed;
    },
  };
}

/** Without its texts: they are for the channels. */
function said(given: unknown): string {
  const isMessage = typeof given === "object" && given !== null;
  return isMessage
    ? `a message with action ${showValue((given as Partial<Notification>).action)}`
    : `a value of type ${typeof given}`;
}
