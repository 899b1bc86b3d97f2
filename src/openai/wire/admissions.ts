/** Runs, and responses in the background, that were let through: their calls go on when the requests that began them have been answered. */
import { shared } from "../../core/runtime.ts";
import { askedFor } from "./asked.ts";
import type { Exchange } from "./exchange.ts";

interface Admitted {
  /** Tells those who were asked. */
  readonly end: () => void;
  readonly timer: NodeJS.Timeout;
}

/** What nobody has asked about for so long has ended, or has been left alone: a run lives for ten minutes. */
const SILENCE_MS = 10 * 60_000;
/** As many as there are runs that are watched. */
const MAX_ADMITTED = 1000;

/** The call of an exchange goes on, as the object of this id. Also over a new configuration. */
export function keepAdmission(id: string, exchange: Exchange): void {
  const { modelCalls } = exchange.runtime;
  const span = modelCalls === undefined ? undefined : askedFor(exchange)?.span;
  const end = span && modelCalls?.keep(span.traceId, span.spanId);
  if (end === undefined) return;
  endAdmission(id);
  const known = admissions();
  if (known.size >= MAX_ADMITTED) endAdmission(known.keys().next().value!);
  known.set(id, { end, timer: setTimeout(endAdmission, SILENCE_MS, id).unref() });
}

/** Something was heard of it. */
export function refreshAdmission(id: string): void {
  const known = admissions();
  if (known.size > 0) known.get(id)?.timer.refresh();
}

/** It has ended, and what it has cost is known as far as it will be. */
export function endAdmission(id: string): void {
  const known = admissions();
  const admitted = known.size === 0 ? undefined : known.get(id);
  if (admitted === undefined) return;
  known.delete(id);
  clearTimeout(admitted.timer);
  admitted.end();
}

function admissions(): Map<string, Admitted> {
  return shared("admittedOnTheWire", () => new Map<string, Admitted>());
}
