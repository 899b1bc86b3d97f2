import { appendFileSync, chmodSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { ConfigError } from "../../core/errors.ts";
import { callBack, guard } from "../../core/guard.ts";
import type { Notification } from "./notification.ts";

/** A message that could not be delivered. */
export interface DeadLetter {
  /** Epoch milliseconds. */
  readonly time: number;
  readonly channel: string;
  /**
   * `refused`: the vendor says that it never will take it. `given_up`: it was tried for too long. `queue_full`: too much
   * waited. `closed`: it still waited at the end, and there is no `state`. `no_channel`: it waited in `state` for a channel that is gone.
   */
  readonly reason: "refused" | "given_up" | "queue_full" | "closed" | "no_channel";
  /** Without secrets. */
  readonly error: string;
  readonly notification: Notification;
}

export interface DeadLetters {
  readonly size: number;
  readonly all: readonly DeadLetter[];
  /** There was no room for them. */
  readonly lost: number;
  add(letter: DeadLetter): void;
  /** It is over: its dead letters, except for resolves, need not be sent any more. Returns how many that were. */
  over(channel: string, key: string): number;
  /** Gives all of them away; the file has them until `use` has returned. What `use` returns is kept. */
  takeAll(use: (letters: readonly DeadLetter[]) => readonly DeadLetter[]): void;
  /** The file is somebody else's from now on. */
  release(): void;
}

/** 5 MB with alerts of 5 KB. Whoever has more has no channel that works. */
const MAX_LETTERS = 1_000;
/** The file has up to twice as many before it is written anew: 5 MB with each letter would stop the process for seconds. */
const MAX_LINES = 2 * MAX_LETTERS;

/**
 * Dead letters in memory, told to a function or mirrored to an NDJSON file of mode 0600, which is read at the start.
 *
 * @throws ConfigError for a file that cannot be written
 */
export function deadLetterBox(to: string | ((letter: DeadLetter) => void) | undefined): DeadLetters {
  const path = typeof to === "string" ? to : undefined;
  let { letters, lines } = path === undefined ? { letters: [], lines: 0 } : readLetters(path);
  let lost = 0;

  function rewrite(): void {
    if (path === undefined) return;
    guard(() => {
      lines = letters.length;
      if (lines === 0) return rmSync(path, { force: true });
      writeFileSync(`${path}.next`, letters.map(line).join(""), { mode: 0o600 });
      renameSync(`${path}.next`, path);
    }, undefined);
  }

  return {
    get size() {
      return letters.length;
    },
    get all() {
      return letters;
    },
    get lost() {
      return lost;
    },
    add(letter) {
      letters.push(letter);
      if (typeof to === "function") callBack(() => to(letter));
      if (letters.length > MAX_LETTERS) {
        letters.shift();
        lost++;
      }
      if (path === undefined) return;
      lines++;
      if (lines > MAX_LINES) rewrite();
      else guard(() => appendFileSync(path, line(letter), { mode: 0o600 }), undefined);
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
      const kept = use(all);
      letters = kept.concat(letters).slice(-MAX_LETTERS);
      rewrite();
    },
    release() {
      if (path !== undefined) letters = [];
    },
  };
}

function line(letter: DeadLetter): string {
  return `${JSON.stringify(letter)}\n`;
}

function readLetters(path: string): { letters: DeadLetter[]; lines: number } {
  try {
    appendFileSync(path, "", { mode: 0o600 });
    // The file may be there already, readable for others.
    chmodSync(path, 0o600);
    const lines = readFileSync(path, "utf8").split("\n");
    const letters = lines.slice(-MAX_LETTERS - 1).flatMap((text) => {
      const letter = guard(() => (text === "" ? undefined : JSON.parse(text)), undefined);
      return typeof letter?.notification?.key === "string" && typeof letter.channel === "string" ? [letter] : [];
    });
    return { letters: letters.slice(-MAX_LETTERS), lines: lines.length - 1 };
  } catch (error) {
    const problem = `notifier({ deadLetters: ${JSON.stringify(path)} }): ${(error as Error).message}`;
    throw new ConfigError("CONFIG_DEAD_LETTERS", `${problem}. Give a path that can be written.`, { cause: error });
  }
}
