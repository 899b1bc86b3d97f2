import { metadataTexts } from "../trace-facts.ts";
import type { Connection } from "./connection.ts";
import type { TraceRow } from "./trace-row.ts";
import type { Vocabulary } from "./vocabulary.ts";

/** The field of a metadata key's values. */
export function metadataField(key: string): string {
  return `metadata.${key}`;
}

/** The field whose only value every trace with a finding has. */
export const ANY_FINDING = "findings";

/** Which traces have which values: the index of all filters. */
export interface TraceTerms {
  /** The numbers of what the trace is found by, ascending. */
  of(trace: TraceRow): number[];
  put(trace: number, startUs: number, terms: readonly number[]): void;
  take(trace: number, startUs: number, terms: readonly number[]): void;
  /** Writes down how many traces each has. */
  flush(): void;
  forget(): void;
}

export function createTraceTerms({ prepare }: Connection, vocabulary: Vocabulary): TraceTerms {
  let counts = new Map<number, number>();
  const count = (term: number, by: number) => counts.set(term, (counts.get(term) ?? 0) + by);

  return {
    of(trace) {
      const terms = new Set<number>();
      const add = (field: string, value: string | null) => {
        if (value !== null) terms.add(vocabulary.term(trace.project, field, value));
      };
      add("name", trace.name);
      add("status", trace.status);
      add("userId", trace.user_id);
      add("sessionId", trace.session_id);
      add("feature", trace.feature);
      add("team", trace.team);
      add("environment", trace.environment);
      add("release", trace.release);
      for (const tag of trace.tags ?? []) add("tag", tag);
      for (const model of trace.models) add("model", model);
      for (const name of trace.finding_names) add("finding", name);
      if (trace.findings > 0) add(ANY_FINDING, "");
      for (const [key, text] of metadataTexts(trace.metadata ?? undefined)) add(metadataField(key), text);
      return [...terms].sort((a, b) => a - b);
    },
    put(trace, startUs, terms) {
      const insert = prepare("INSERT OR IGNORE INTO trace_terms VALUES (?, ?, ?)");
      for (const term of terms) {
        insert.run(term, startUs, trace);
        count(term, 1);
      }
    },
    take(trace, startUs, terms) {
      const remove = prepare("DELETE FROM trace_terms WHERE term = ? AND start_us = ? AND trace = ?");
      for (const term of terms) {
        remove.run(term, startUs, trace);
        count(term, -1);
      }
    },
    flush() {
      const update = prepare("UPDATE terms SET traces = traces + ? WHERE id = ?");
      for (const [term, by] of counts) if (by !== 0) update.run(by, term);
      counts = new Map();
    },
    forget() {
      counts = new Map();
    },
  };
}
