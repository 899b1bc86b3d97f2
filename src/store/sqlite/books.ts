import type { Connection } from "./connection.ts";
import { createFigureBook, type FigureBook } from "./figures.ts";
import { createPeaks, type Peaks } from "./peaks.ts";
import { createRollups, type Rollups } from "./rollups.ts";
import type { TraceRow } from "./trace-row.ts";
import { createTraceTerms, type TraceTerms } from "./trace-terms.ts";
import { createVocabulary, type Vocabulary } from "./vocabulary.ts";
import { createWordBook, type WordBook } from "./word-book.ts";

/** What a transaction changes besides the rows themselves. */
export interface Books {
  readonly vocabulary: Vocabulary;
  readonly terms: TraceTerms;
  readonly rollups: Rollups;
  readonly peaks: Peaks;
  readonly figures: FigureBook;
  readonly words: WordBook;
  count(project: number, what: "spans" | "traces" | "scores" | "findings", by: number): void;
  /** Reads how many findings the trace has. */
  countFindings(trace: TraceRow): void;
  /** Runs it as one transaction, and writes the books in it. */
  write<T>(action: () => T): T;
}

export function createBooks(connection: Connection): Books {
  const { prepare } = connection;
  const vocabulary = createVocabulary(connection);
  const terms = createTraceTerms(connection, vocabulary);
  const rollups = createRollups(connection);
  const peaks = createPeaks(connection);
  const figures = createFigureBook(connection);
  const words = createWordBook(connection);
  const counts = new Map<number, { spans: number; traces: number; scores: number; findings: number }>();

  return {
    vocabulary,
    terms,
    rollups,
    peaks,
    figures,
    words,
    count(project, what, by) {
      let count = counts.get(project);
      if (!count) counts.set(project, (count = { spans: 0, traces: 0, scores: 0, findings: 0 }));
      count[what] += by;
    },
    countFindings(trace) {
      const found = prepare("SELECT name, severity FROM findings WHERE project = ? AND trace_id = ?");
      const all = found.all(trace.project, trace.trace_id);
      trace.findings = all.length;
      trace.finding_names = [...new Set(all.map(({ name }) => name as string))].sort();
      const severities = all.map(({ severity }) => severity);
      const worst = ["error", "warning"].find((severity) => severities.includes(severity)) ?? "info";
      trace.worst_finding = all.length > 0 ? worst : null;
    },
    write(action) {
      try {
        return connection.transaction(() => {
          const result = action();
          rollups.flush();
          peaks.flush();
          figures.flush();
          terms.flush();
          words.flush();
          const update = prepare(
            `UPDATE projects SET revision = revision + 1, spans = spans + ?, traces = traces + ?, scores = scores + ?,
              findings = findings + ? WHERE id = ?`,
          );
          for (const [id, by] of counts) update.run(by.spans, by.traces, by.scores, by.findings, id);
          counts.clear();
          return result;
        });
      } catch (error) {
        counts.clear();
        for (const book of [rollups, peaks, figures, terms, words, vocabulary]) book.forget();
        throw error;
      }
    },
  };
}
