import type { Counted } from "../../aggregate-rows.ts";
import type { AggregateQuery } from "../../trace-store.ts";
import type { Connection } from "../connection.ts";

/** The scores that may count, one by one. */
export function* scoresOf(
  { prepare }: Connection,
  project: number,
  { fromUs = 0, toUs = Number.MAX_SAFE_INTEGER }: AggregateQuery,
): Generator<Counted> {
  const sql = `SELECT time_us, name, value, feature, team, user_id, environment FROM scores
    WHERE project = ? AND value IS NOT NULL AND time_us >= ? AND time_us < ?`;
  for (const row of prepare(sql).iterate(project, fromUs, toUs)) {
    const { feature, team, environment } = row;
    const fields = { name: row.name, feature: feature ?? "", team: team ?? "", userId: row.user_id ?? "" };
    yield { us: row.time_us, fields: { ...fields, environment: environment ?? "" }, figure: row.value };
  }
}
