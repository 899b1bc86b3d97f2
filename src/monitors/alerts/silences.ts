import type { Clock } from "../../core/clock.ts";
import { ConfigError } from "../../core/errors.ts";
import { guard } from "../../core/guard.ts";
import { isObject } from "../../semconv/messages.ts";
import type { AlertRule } from "./alert.ts";

/**
 * `rule` is its name, `severity` and `metric` are the rule's, everything else is a label of the alert. A text must be
 * equal, a regular expression must be found; all of them at once.
 */
export interface Matchers {
  readonly [name: string]: string | RegExp;
}

/** Alerts that change state without anybody being told, until a time. */
export interface SilenceOptions {
  readonly matchers: Matchers;
  /** Epoch milliseconds. This or `forMs`. */
  readonly untilMs?: number;
  /** Milliseconds from now on. */
  readonly forMs?: number;
  /** Why, and who. */
  readonly comment: string;
}

export interface Silence {
  readonly id: string;
  readonly matchers: Matchers;
  /** Epoch milliseconds. */
  readonly untilMs: number;
  readonly comment: string;
}

interface Subject {
  readonly rule: AlertRule;
  readonly labels: { readonly [name: string]: string };
}

interface Kept extends Silence {
  /** With `forMs`: nobody ends or prolongs it by setting the wall clock. */
  readonly endsAt?: number;
  /** Given as an option: the next process gets it from there. */
  readonly isGiven: boolean;
}

/** People make them by hand, or a deploy script does: more than this is a script that never ends one. */
const MAX_SILENCES = 1_000;

/** Who is not to be told of, for how long. */
export interface Silences {
  add(options: SilenceOptions, isGiven?: boolean): string;
  remove(id: string): boolean;
  covers(subject: Subject): boolean;
  list(): readonly Silence[];
  /** Plain JSON, for `load` of the next process. */
  save(): unknown;
  load(saved: unknown, gapMs: number): void;
}

export function createSilences(clock: Clock): Silences {
  const kept = new Map<string, Kept>();
  let lastId = 0;
  const isOver = ({ endsAt, untilMs }: Kept) =>
    endsAt === undefined ? clock.epochMs() >= untilMs : clock.monotonicMs() >= endsAt;
  const sweep = () => {
    for (const silence of kept.values()) if (isOver(silence)) kept.delete(silence.id);
  };
  return {
    add(options, isGiven = false) {
      checkSilence(options);
      sweep();
      if (kept.size >= MAX_SILENCES) {
        throw bad(`there are ${MAX_SILENCES} silences already. End those that nobody needs: unsilence(id).`);
      }
      const { matchers, forMs, comment } = options;
      const untilMs = options.untilMs ?? clock.epochMs() + forMs!;
      const endsAt = forMs === undefined ? undefined : clock.monotonicMs() + forMs;
      const id = `silence_${++lastId}`;
      const silence = { id, matchers: stateless(matchers), untilMs, comment, isGiven };
      kept.set(id, endsAt === undefined ? silence : { ...silence, endsAt });
      return id;
    },
    remove: (id) => kept.delete(id),
    covers(subject) {
      sweep();
      for (const { matchers } of kept.values()) if (matches(matchers, subject)) return true;
      return false;
    },
    list() {
      sweep();
      return [...kept.values()].map(({ id, matchers, untilMs, comment }) => ({ id, matchers, untilMs, comment }));
    },
    save: () => ({
      lastId,
      silences: [...kept.values()]
        .filter(({ isGiven }) => !isGiven)
        .map(({ id, matchers, untilMs, endsAt, comment }) => ({
          id,
          untilMs,
          comment,
          matchers: Object.entries(matchers).map(([name, wanted]) =>
            typeof wanted === "string" ? { name, wanted } : { name, source: wanted.source, flags: wanted.flags },
          ),
          ...(endsAt !== undefined && { leftMs: endsAt - clock.monotonicMs() }),
        })),
    }),
    load(saved, gapMs) {
      if (!isObject(saved) || !Array.isArray(saved["silences"])) return;
      lastId = Math.max(lastId, Number(saved["lastId"]) || 0);
      for (const entry of saved["silences"]) {
        const silence = guard(() => revived(entry, gapMs, clock), undefined);
        if (silence !== undefined) kept.set(silence.id, silence);
      }
      sweep();
    },
  };
}

function matches(matchers: Matchers, { rule, labels }: Subject): boolean {
  const known: { readonly [name: string]: string } = {
    ...labels,
    rule: rule.name,
    severity: rule.severity,
    metric: rule.metric,
  };
  return Object.entries(matchers).every(([name, wanted]) => {
    const value = Object.hasOwn(known, name) ? known[name]! : "";
    return typeof wanted === "string" ? value === wanted : wanted.test(value);
  });
}

/** The time between the processes counts: people think of the end of a silence as a time of day. */
function revived({ id, untilMs, comment, leftMs, matchers }: any, gapMs: number, clock: Clock): Kept {
  const entries = matchers.map((at: any) => [at.name, at.wanted ?? new RegExp(at.source, at.flags)]);
  const silence = { id, untilMs, comment, matchers: Object.fromEntries(entries), isGiven: false };
  return leftMs === undefined ? silence : { ...silence, endsAt: clock.monotonicMs() + leftMs - gapMs };
}

/** With the flags g or y, `test` remembers where it was, and finds something every other time. */
function stateless(matchers: Matchers): Matchers {
  const entries = Object.entries(matchers).map(([name, wanted]) => [
    name,
    typeof wanted === "string" ? wanted : new RegExp(wanted.source, wanted.flags.replace(/[gy]/g, "")),
  ]);
  return Object.fromEntries(entries);
}

/** @throws ConfigError for one that says nothing, or everything at once */
export function checkSilence(options: SilenceOptions): void {
  const { matchers, untilMs, forMs, comment } = isObject(options)
    ? (options as unknown as SilenceOptions)
    : ({} as any);
  if (!isObject(matchers) || Object.keys(matchers).length === 0) {
    throw bad('it needs matchers, such as { rule: "High error rate" }; { rule: /./ } is for all alerts.');
  }
  for (const [name, wanted] of Object.entries(matchers)) {
    if (typeof wanted === "string" || wanted instanceof RegExp) continue;
    throw bad(`the matcher ${name} takes a text or a regular expression; it is ${JSON.stringify(wanted)}.`);
  }
  if ((untilMs === undefined) === (forMs === undefined)) throw bad("it takes untilMs or forMs, one of them.");
  if (untilMs !== undefined && !Number.isFinite(untilMs))
    throw bad(`untilMs takes epoch milliseconds; it is ${untilMs}.`);
  if (forMs !== undefined && !(Number.isFinite(forMs) && forMs > 0)) {
    throw bad(`forMs takes milliseconds above zero; it is ${forMs}.`);
  }
  if (typeof comment !== "string" || comment.trim() === "") throw bad("it needs a comment: who, and why.");
}

function bad(message: string): ConfigError {
  return new ConfigError("CONFIG_SILENCE", `A silence of alerts(): ${message}`);
}
