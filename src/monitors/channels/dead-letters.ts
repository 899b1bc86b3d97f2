import { appendFileSync, chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import type { Notification } from "./notification.ts";

/** A message that could not be delivered. */
export interface DeadLetter {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly channel: string;
  /**
   * `refused`: the vendor says that it never will take it. `given_up`: it was tried for too long. `queue_full`: too much
   * waited. `closed`: it came after the end. `no_channel`: it waited in `state` for a channel that is gone.
   */
  readonly reason: "refused" | "given_up" | "queue_full" | "closed" | "no_channel";
  /** Without secrets. */
  readonly error: string;
  readonly notification: Notification;
}

export interface DeadLetters {
  readonly size: number;
  /** There was no room for them. */
  readonly lost: number;
  add(letter: DeadLetter): void;
  /** It is over: its dead letters, except for resolves, need not be sent any more. Returns how many that were. */
  over(channel: string, key: string): number;
  /** Gives all of them away; the file has them until `use` has returned. */
  takeAll(use: (letters: readonly DeadLetter[]) => void): void;
}

/** 5 MB with alerts of 5 KB. Whoever has more has no channel that works. */
const MAX_LETTERS = 1_000;

/**
 * Dead letters in memory, told to a function or mirrored to an NDJSON file of mode 0600, which is read at the start.
 *
 * @throws ConfigError for a file that cannot be written
 */
export function deadLetterBox(to: string | ((letter: DeadLetter) => void) | undefined): DeadLetters {
  const path = typeof to === "string" ? to : undefined;
  let letters = path === undefined ? [] : readLetters(path);
  let lost = 0;

  function rewrite(): void {
    if (path === undefined) return;
    guard(() => {
      if (letters.length === 0) return rmSync(path, { force: true });
      writeFileSync(`${path}.next`, letters.map(line).join(""), { mode: 0o600 });
      renameSync(`${path}.next`, path);
    }, undefined);
  }

  return {
    get size() {
      return letters.length;
    },
    get lost() {
      return lost;
    },
    add(letter) {
      letters.push(letter);
      if (typeof to === "function") guard(() => to(letter), undefined);
      if (letters.length > MAX_LETTERS) {
        letters.shift();
        lost++;
        rewrite();
      } else if (path !== undefined) {
        guard(() => appendFileSync(path, line(letter), { mode: 0o600 }), undefined);
      }
    },
    over(channel, key) {
      const kept = letters.filter(({ notification, channel: name }) => {
        return name !== channel || notification.key !== key || notification.action === "resolve";
      });
      const gone = letters.length - kept.length;
      letters = kept;
      if (gone > 0) rewrite();
      return gone;
    },
    takeAll(use) {
      const all = letters;
      letters = [];
      use(all);
      rewrite();
    },
  };
}

function line(letter: DeadLetter): string {
  return `${JSON.stringify(letter)}\n`;
}

function readLetters(path: string): DeadLetter[] {
  try {
    appendFileSync(path, "", { mode: 0o600 });
    // The file may be there already, readable for others.
    chmodSync(path, 0o600);
    const lines = readFileSync(path, "utf8")
      .split("\n")
      .slice(-MAX_LETTERS - 1);
    return lines.flatMap((text) => {
      const letter = guard(() => (text === "" ? undefined : JSON.parse(text)), undefined);
      return typeof letter?.notification?.key === "string" && typeof letter.channel === "string" ? [letter] : [];
    });
  } catch (error) {
    const problem = `notifier({ deadLetters: ${JSON.stringify(path)} }): ${(error as Error).message}`;
    throw new ConfigError("CONFIG_DEAD_LETTERS", `${problem}. Give a path that can be written.`, { cause: error });
  }
}
