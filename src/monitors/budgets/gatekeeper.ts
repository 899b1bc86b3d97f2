import type { StartingCall, Verdict } from "../../core/call-watch.ts";
import { idWindow } from "../id-window.ts";
import type { AskedCall } from "./budgets-options.ts";
import type { InFlight } from "./in-flight.ts";
import type { LimitBook, Now } from "./limit-book.ts";
import { refusedMessage } from "./limit-status.ts";
import { keptUser, type Spender, spenderOfCall } from "./spender.ts";

/** Whose a call is, where a program says so itself. */
export interface Who {
  readonly feature?: string | undefined;
  readonly team?: string | undefined;
  readonly user?: string | undefined;
}

/** Decides on calls before they are made, by the hard limits that they fall under. */
export interface Gatekeeper {
  starting(call: StartingCall): Verdict | undefined;
  modelFor(model: string, who?: Who): string | undefined;
}

/** A hard limit that a call falls under, and whose money it is there. */
interface Purse {
  readonly book: LimitBook;
  readonly group: string;
}

interface Decision {
  /** The one that refuses. */
  readonly refusedBy?: Purse;
  readonly model: string | undefined;
  /** Those that wanted another model. */
  readonly reroutedBy: readonly Purse[];
}

/** A call is asked about again within the time in which so many others are given another model. */
const MAX_REROUTED = 10_000;

export function gatekeeper(parts: {
  readonly books: readonly LimitBook[];
  readonly calls: InFlight;
  /** Which model answers where this one is asked for. */
  readonly answeredOf: (model: string | undefined) => string | undefined;
  readonly now: () => Now;
  /** Says that there is something new to remember. */
  readonly changed: () => void;
}): Gatekeeper {
  const { calls, answeredOf, now, changed } = parts;
  const hard = parts.books.filter(({ limit }) => limit.hard !== undefined);
  /** Calls that were given another model: a call is asked about more than once, by a wrapper, and when it is tried again. */
  const rerouted = idWindow(MAX_REROUTED);

  function pursesOf(spender: Spender): Purse[] {
    return hard.flatMap((book) => {
      const group = book.groupOf(spender);
      return typeof group === "string" ? [{ book, group }] : [];
    });
  }

  /** Each limit is asked once; those on the model that another one wants are asked about that. `own`: what the call itself holds back. */
  function decide(call: AskedCall, canReroute: boolean, own: (purse: Purse) => number, at: Now): Decision {
    let { model } = call;
    const asked = new Set<LimitBook>();
    const reroutedBy: Purse[] = [];
    const next = (): Purse | undefined => {
      const asks: AskedCall = { ...call, model };
      for (const purse of pursesOf(spenderOfCall(asks, answeredOf))) {
        if (asked.has(purse.book)) continue;
        const said = purse.book.judge(purse.group, asks, own(purse), at);
        if (said === "refuse") return purse;
        if (said === undefined || said.model === model) continue;
        if (!canReroute) return purse;
        asked.add(purse.book);
        reroutedBy.push(purse);
        model = said.model;
        return next();
      }
      return undefined;
    };
    const refusedBy = next();
    return { ...(refusedBy && { refusedBy }), model, reroutedBy };
  }

  return {
    starting({ canReroute = true, ...call }) {
      if (hard.length === 0) return undefined;
      const at = now();
      // The attempts of one call have one reservation, which does not stand in their own way.
      const held = calls.of(call.traceId, call.spanId);
      const own = ({ book, group }: Purse): number =>
        held?.reservations.find((each) => each.book === book && each.group === group)?.usd ?? 0;
      const { refusedBy, model, reroutedBy } = decide(call, canReroute, own, at);
      if (refusedBy !== undefined) {
        refusedBy.book.refused(refusedBy.group, at);
        changed();
        return {
          refuse: { code: "budget_exceeded", message: refusedMessage(refusedBy.book.statusOf(refusedBy.group, at)) },
        };
      }
      for (const { book, group } of reroutedBy) {
        if (rerouted.add(call.traceId, `${call.spanId} ${book.limit.name}`)) book.rerouted(group, at);
      }
      if (reroutedBy.length > 0) changed();
      // A wrapper does not know the model yet; the request that is made in it does.
      if (held === undefined || (model !== undefined && model !== held.model)) {
        const purses = pursesOf(spenderOfCall({ ...call, model }, answeredOf));
        const reservations = purses.map(({ book, group }) => ({ book, group, usd: book.estimate(model) }));
        if (reservations.length > 0) calls.add(call.traceId, call.spanId, { model, reservations });
        else calls.release(call.traceId, call.spanId);
      }
      return reroutedBy.length > 0 && model !== undefined ? { model } : undefined;
    },
    modelFor(model, { feature, team, user } = {}) {
      const trace = { ...(feature && { feature }), ...(team && { team }), ...(user && { userId: keptUser(user) }) };
      const { refusedBy, model: wanted } = decide({ model, trace }, true, () => 0, now());
      return refusedBy === undefined ? wanted : undefined;
    },
  };
}
