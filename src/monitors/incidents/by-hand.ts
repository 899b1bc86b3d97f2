import { swallow } from "../../core/guard.ts";
import { showValue } from "../../core/show-value.ts";
import { say } from "../say.ts";
import type { Desk } from "./desk.ts";
import type { Incident, Runbook } from "./incident.ts";
import { type Mitigation, runMitigation } from "./mitigation.ts";
import type { IncidentsOptions } from "./options.ts";
import { durationText } from "./time-text.ts";
import { addEntry, episodeMsOf, type Tracked, whoText } from "./tracked.ts";

/** What people do with an incident. Each gives it back as it is then; `undefined` for an id that is not known. */
export interface HandWork {
  /** Somebody is at it: the second level is not told any more. What is resolved stays as it is. */
  acknowledge(id: string, options: { readonly by: string; readonly note?: string }): Incident | undefined;
  /**
   * Somebody begins to mitigate, or runs one of the runbook's actions: the callback that is wired to it; without one it is
   * noted as done by hand. An action that no runbook has is not noted: it gives `undefined`, and
   * a line on stderr names those that there are. Settled once the callback has ended or taken half a minute; never rejects.
   */
  mitigate(id: string, actionId?: string, options?: { readonly by?: string }): Promise<Incident | undefined>;
  /** At most 2,000 characters, more are cut off. `isPublic`: the status page shows it too. */
  note(id: string, text: string, options?: { readonly by?: string; readonly isPublic?: boolean }): Incident | undefined;
  resolve(id: string, options: { readonly by: string; readonly text?: string }): Incident | undefined;
}

export interface Work {
  readonly byHand: HandWork;
  /** The actions of its runbook that are to be run by themselves, once each. */
  runAutomatic(tracked: Tracked): void;
  /** When the callbacks that run have ended, or the signal comes. */
  settled(signal: AbortSignal | undefined): Promise<void>;
}

export function handWork(desk: Desk, { mitigations = {}, automatic = [], runbooks = [] }: IncidentsOptions): Work {
  const { book, clock, steady, view, changed, tell } = desk;
  const actions = runbooks.flatMap((runbook) => runbook.actions);
  const running = new Set<Promise<void>>();
  const episodeMs = (tracked: Tracked): number => episodeMsOf(tracked, steady.nowMs());

  function acknowledge(tracked: Tracked, by: string | undefined, text: string): void {
    const time = clock.epochMs();
    const isFirst = tracked.acknowledgedAt === undefined;
    addEntry(tracked, { time, kind: "acknowledged", text, ...(by !== undefined && { by }) });
    if (!isFirst) return;
    tracked.acknowledgedAt = time;
    tracked.acknowledgedAfterMs = episodeMs(tracked);
    if (by !== undefined) tracked.acknowledgedBy = by;
    if (tracked.status === "detected") tracked.status = "acknowledged";
    const prefix = by === undefined ? "Acknowledged" : `Acknowledged by ${by}`;
    tell(tracked, { what: "acknowledge", action: "acknowledge", prefix, text });
  }

  function begin(tracked: Tracked): void {
    tracked.status = "mitigating";
    if (tracked.mitigatingAt !== undefined) return;
    tracked.mitigatingAt = clock.epochMs();
    tracked.mitigatingAfterMs = episodeMs(tracked);
  }

  async function run(tracked: Tracked, action: string, by: string): Promise<void> {
    const mitigation = mitigations[action] as Mitigation;
    const { isDone, ms, problem } = await runMitigation(mitigation, view(tracked), clock.monotonicMs);
    const text = isDone
      ? `${action} was run, in ${durationText(ms)}`
      : `${action} failed after ${durationText(ms)}: ${problem}`;
    if (desk.isTaken()) return;
    if (isDone && tracked.status !== "resolved") begin(tracked);
    addEntry(tracked, { time: clock.epochMs(), kind: "action", text, by, action, ...(!isDone && { hasFailed: true }) });
    changed(tracked);
  }

  function track(work: Promise<void>): Promise<void> {
    const tracked = work.catch(swallow).finally(() => running.delete(tracked));
    running.add(tracked);
    return tracked;
  }

  const known = (id: string, fn: (tracked: Tracked) => void): Incident | undefined => {
    const tracked = book.get(id);
    if (tracked === undefined) return undefined;
    if (!desk.isTaken()) fn(tracked);
    return view(tracked);
  };

  return {
    byHand: {
      acknowledge: (id, { by, note } = { by: "" }) =>
        known(id, (tracked) => {
          if (tracked.status === "resolved") return;
          acknowledge(tracked, whoText(by), textOf(note) ?? "Acknowledged");
          changed(tracked);
        }),
      async mitigate(id, actionId, options) {
        const action = whoText(actionId);
        const tracked = book.get(id);
        if (tracked === undefined) return undefined;
        if (tracked.status === "resolved" || desk.isTaken()) return view(tracked);
        const isWired = action !== undefined && Object.hasOwn(mitigations, action);
        const known = [...(desk.runbookOf(tracked)?.actions ?? []), ...actions];
        if (action !== undefined && !known.some((each) => each.id === action)) {
          const ids = [...new Set(known.map((each) => each.id))].join(", ");
          say(`incidents(): mitigate() knows no action ${showValue(action)}. There are: ${ids}.`);
          return undefined;
        }
        const by = whoText(options?.by) ?? "unknown";
        // Who works on it has seen it.
        if (tracked.acknowledgedAt === undefined) acknowledge(tracked, by, "Acknowledged by beginning to mitigate");
        begin(tracked);
        const text = action === undefined ? "Mitigation has begun" : doneByHand(action, known);
        if (!isWired) {
          const kind = action === undefined ? "mitigating" : "action";
          addEntry(tracked, { time: clock.epochMs(), kind, text, by, ...(action !== undefined && { action }) });
        }
        changed(tracked);
        if (isWired) await track(run(tracked, action, by));
        return view(tracked);
      },
      note: (id, text, options) =>
        known(id, (tracked) => {
          const by = whoText(options?.by);
          const entry = { time: clock.epochMs(), kind: "note", text: textOf(text) ?? "" } as const;
          if (entry.text === "") return;
          addEntry(tracked, {
            ...entry,
            ...(by !== undefined && { by }),
            ...(options?.isPublic && { isPublic: true }),
          });
          changed(tracked);
        }),
      resolve: (id, { by, text } = { by: "" }) =>
        known(id, (tracked) => {
          if (tracked.status !== "resolved") desk.resolve(tracked, textOf(text) ?? "Resolved by hand", whoText(by));
        }),
    },
    runAutomatic(tracked) {
      for (const { id } of desk.runbookOf(tracked)?.actions ?? []) {
        if (!automatic.includes(id) || tracked.automatic.includes(id)) continue;
        tracked.automatic.push(id);
        changed(tracked);
        void track(run(tracked, id, "automatic"));
      }
    },
    async settled(signal) {
      if (running.size === 0 || signal?.aborted) return;
      const aborted = new Promise<void>((resolve) =>
        signal?.addEventListener("abort", () => resolve(), { once: true }),
      );
      await Promise.race([Promise.all(running), aborted]);
    },
  };
}

/** By the text that the incident's own runbook has for it, if it has one. */
function doneByHand(action: string, known: Runbook["actions"]): string {
  return `${action}, by hand: ${known.find(({ id }) => id === action)?.text}`;
}

function textOf(text: unknown): string | undefined {
  return typeof text === "string" && text.trim() !== "" ? text.trim() : undefined;
}
