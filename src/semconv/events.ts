import type { FindingRecord, ScoreRecord, SpanRecord } from "../core/record.ts";
import type { LogEvent } from "./log-event.ts";
import type { Profile } from "./profile.ts";

/** `gen_ai.client.inference.operation.details` with the messages of a model call; none for other spans. */
export function contentEvent(_record: SpanRecord, _profile: Profile): LogEvent | undefined {
  return undefined;
}

/** `gen_ai.evaluation.result`. */
export function scoreEvent(record: ScoreRecord): LogEvent {
  return { name: "gen_ai.evaluation.result", time: record.time, attributes: {} };
}

/** `sightline.finding`. */
export function findingEvent(record: FindingRecord): LogEvent {
  return { name: "sightline.finding", time: record.time, attributes: {} };
}
