import type { TraceRecord } from "../../core/record.ts";
import type { Database } from "./database.ts";
import {
  FINDING_COLUMNS,
  findingValues,
  PAYLOAD_COLUMNS,
  SCORE_COLUMNS,
  SPAN_COLUMNS,
  scoreValues,
  spanValues,
} from "./rows.ts";
import { refresh } from "./summaries.ts";
import { tabSeparated } from "./tab-separated.ts";

/** Spans that are encoded and on their way at a time. */
const BATCH = 10_000;

/**
 * Places the records, makes the summaries of their traces anew, and says that something has changed. When any of it fails
 * nothing is acknowledged; all of it may be done again, by anyone, and counts once.
 */
export async function append(db: Database, project: string, records: readonly TraceRecord[]): Promise<void> {
  for (let i = 0; i < records.length; i += BATCH) await appendSome(db, project, records.slice(i, i + BATCH));
}

async function appendSome(db: Database, project: string, records: readonly TraceRecord[]): Promise<void> {
  const [spans, payloads, scores, findings] = [tabSeparated(), tabSeparated(), tabSeparated(), tabSeparated()];
  const traceIds = new Set<string>();
  for (const record of newest(records)) {
    if (record.record === "span") {
      const { span, payload } = spanValues(record, project);
      spans.add(span);
      payloads.add(payload);
      traceIds.add(span[1] as string);
    } else if (record.record === "score") scores.add(scoreValues(record, project));
    else findings.add(findingValues(record, project));
  }
  await all([
    db.insert("payloads", PAYLOAD_COLUMNS, payloads),
    db.insert("span_rows", SPAN_COLUMNS, spans),
    db.insert("scores", SCORE_COLUMNS, scores),
    db.insert("findings", FINDING_COLUMNS, findings),
  ]);
  // After the spans of this batch, so that the last one to come sees them all.
  await refresh(db, project, [...traceIds]);
  await bump(db, project);
}

export async function bump(db: Database, project: string): Promise<void> {
  const rows = tabSeparated();
  rows.add([project, 1]);
  await db.insert("revisions", ["project", "appended"], rows);
}

/** The one with the highest `seq` of each. */
function newest(records: readonly TraceRecord[]): Iterable<TraceRecord> {
  const kept = new Map<string, TraceRecord>();
  for (const record of records) {
    const key = record.record === "span" ? `${record.traceId} ${record.spanId}` : `${record.record} ${record.id}`;
    const known = kept.get(key);
    if (!known || known.seq < record.seq) kept.set(key, record);
  }
  return kept.values();
}

/** Waits for all of them before it throws: what goes on in secret would meet the next attempt. */
async function all(actions: readonly Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(actions);
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
