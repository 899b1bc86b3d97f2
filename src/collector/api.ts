/**
 * What the viewer asks of the server it came from, and what it is told: JSON over HTTP under `/api/`. Times and figures
 * are as in `TraceStore`. Errors are `ApiError` with a fitting status. Types only: the server and the browser share them.
 *
 * | request | answer |
 * |---|---|
 * | `GET /api/about` | `About` |
 * | `GET /api/traces?…TraceQuery` (`metadata.<key>=<value>`) | `Page<TraceSummary>` |
 * | `GET /api/traces/<traceId>` | `TraceAnswer` |
 * | `GET /api/traces/<traceId>/spans?after=&limit=` | `Page<SpanRow>` |
 * | `GET /api/traces/<traceId>/spans/<spanId>?full=1` | `SpanAnswer`; without `full`, payloads beyond 200,000 characters are cut |
 * | `GET /api/traces/<traceId>/spans/<spanId>/input` (`/output`) | the payload as a file to download |
 * | `GET /api/traces/<traceId>/export` | the trace's records as NDJSON |
 * | `GET /api/aggregate?…AggregateQuery` (`groupBy=a,b`, `where.<field>=`) | `AggregateRow[]` |
 * | `GET /api/sessions?…TraceQuery` | `Page<SessionSummary>` |
 * | `GET /api/values?…ValuesQuery` | `{ value, traces }[]` |
 * | `GET /api/monitors` | `MonitorsAnswer` |
 * | `POST /api/incidents/<id>` with an `IncidentAction` | `Incident` |
 * | `GET /api/incidents/<id>/post-mortem` | a draft in markdown |
 * | `GET /api/tail` | server-sent events `TailEvent` |
 *
 * A token, where the server wants one, comes in the URL's fragment (`#token=…`) and goes into the header
 * `authorization: Bearer`; for `/api/tail`, which is read by `fetch` too, as well.
 */

import type { SpanRecord } from "../core/record.ts";
import type { Alert, BudgetStatus, Incident, Reading as MonitorReading, Runbook } from "../monitors/index.ts";
import type { Page, SpanRow, StoredTrace, StoreStats } from "../store/trace-store.ts";

export interface About {
  readonly version: string;
  /** Of the store: `sqlite:traces.db`. */
  readonly store: string;
  readonly stats: StoreStats;
  /** Projects that the caller may ask for. More than one: a choice is shown, and `project=` goes with every request. */
  readonly projects: readonly string[];
  /** Where the records come from that are being read in, for a file that is looked at directly. */
  readonly reading?: Reading;
  /** Whether `/api/monitors` knows anything, and whether incidents may be acted on. */
  readonly monitors: boolean;
}

/** How far the reading of files is. */
export interface Reading {
  readonly source: string;
  readonly bytes: number;
  readonly totalBytes: number;
  readonly records: number;
  /** Lines that hold no record. */
  readonly damaged: number;
  readonly isDone: boolean;
  /** Why it has ended before its time. */
  readonly problem?: string;
}

export interface TraceAnswer extends StoredTrace {
  /** The first page, so that there is something to draw: by start. */
  readonly spans: Page<SpanRow>;
}

export interface SpanAnswer {
  readonly record: SpanRecord;
  /** Characters of the payload's JSON where it was too long and only its head is in the record, as text. */
  readonly cut?: { readonly input?: number; readonly output?: number };
}

export interface MonitorsAnswer {
  readonly alerts: readonly Alert[];
  /** Newest first. */
  readonly incidents: readonly Incident[];
  readonly runbooks: readonly Runbook[];
  readonly budgets: readonly BudgetStatus[];
  /**
   * How far the quality of each `labels.feature` is below what is usual there: above 1 it drifts; no `value` while that is
   * being learned.
   */
  readonly drift: readonly MonitorReading[];
}

/** Who acts is what the viewer was told, by default `viewer`. */
export type IncidentAction =
  | { readonly action: "acknowledge"; readonly by: string }
  | { readonly action: "mitigate"; readonly by: string; readonly note?: string }
  | { readonly action: "note"; readonly by: string; readonly note: string }
  | { readonly action: "step"; readonly by: string; readonly step: string }
  | { readonly action: "resolve"; readonly by: string; readonly note?: string };

export type TailEvent =
  /** Traces that have changed since the event before; none named: more than can be told, ask anew. */
  | { readonly event: "changed"; readonly traceIds: readonly string[] }
  | { readonly event: "reading"; readonly reading: Reading }
  | { readonly event: "monitors" };

export interface ApiError {
  readonly error: { readonly code: string; readonly message: string };
}
