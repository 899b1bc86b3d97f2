import { toNanos } from "../../core/clock.ts";
import { guard } from "../../core/guard.ts";
import { derivedSpanId } from "../../core/ids.ts";
import { type FindingRecord, SCHEMA_VERSION, type TraceInfo } from "../../core/record.ts";
import type { Finding, Scope } from "./finding.ts";
import { rules } from "./rules/all.ts";

export interface Named extends Finding {
  readonly name: string;
}

/** What all rules but those in `off` say of a trace. A rule that fails, says nothing. */
export function look(scope: Scope, off: ReadonlySet<string>): Named[] {
  const found: Named[] = [];
  for (const { name, run } of rules) {
    if (off.has(name)) continue;
    const told = new Set<string | undefined>();
    for (const finding of guard(() => run(scope), [])) {
      if (told.has(finding.spanId)) continue;
      told.add(finding.spanId);
      found.push({ name, ...finding });
    }
  }
  return found;
}

/** The same for the same rule on the same span of the same trace. */
export function findingId(traceId: string, { name, spanId = "" }: Named): string {
  return derivedSpanId(traceId, spanId, "finding", name);
}

export function recordOf(
  { name, severity, spanId, message, nextStep, evidence }: Named,
  of: { id: string; traceId: string; trace: TraceInfo; nowMs: number; seq: number },
): FindingRecord {
  return {
    record: "finding",
    schema: SCHEMA_VERSION,
    id: of.id,
    seq: of.seq,
    traceId: of.traceId,
    ...(spanId !== undefined && { spanId }),
    time: toNanos(of.nowMs),
    name,
    severity,
    message,
    nextStep,
    evidence,
    trace: of.trace,
  };
}
