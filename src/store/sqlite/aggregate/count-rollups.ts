import type { Connection } from "../connection.ts";
import { type RollupTable, WIDTHS } from "../rollups.ts";
import type { Groups } from "./groups.ts";
import type { Scan } from "./scan.ts";
import * as at from "./tally.ts";

/**
 * Adds up the sums of whole hours (days), from `from` to before `to`, counted since 1970. Bucket by bucket: SQLite sorts
 * the rows of each more quickly into groups than those of all.
 */
export function countRollups(scan: Scan, table: RollupTable, from: number, to: number): void {
  const { prepare } = scan.connection;
  const wide = scan.query.bucketUs === undefined ? Number.POSITIVE_INFINITY : scan.query.bucketUs / WIDTHS[table];
  writeGroups(scan.connection, scan.groups);
  const next = prepare(`SELECT min(time) AS time FROM ${table} WHERE project = ? AND time >= ? AND time < ?`);
  for (let { time } = next.get(scan.project, from, to); time !== null; ) {
    const bucket = Math.floor(time / wide);
    const end = Math.min(to, (bucket + 1) * wide);
    addBucket(scan, table, bucket, time, end);
    ({ time } = next.get(scan.project, end, to));
  }
}

function addBucket(scan: Scan, table: RollupTable, bucket: number, from: number, to: number): void {
  const { connection, project, tally } = scan;
  const sums = `SELECT g.grp, sum(r.count) AS count, sum(r.errors) AS errors,
      sum(r.rate_limited) AS rateLimited, total(r.input_tokens) AS input, total(r.output_tokens) AS output,
      sum(r.cost_usd) AS cost, sum(r.unpriced) AS unpriced, total(r.duration_ns) AS duration
    FROM ${table} r CROSS JOIN temp.groups g ON g.dim = r.dim
    WHERE r.project = ? AND r.time >= ? AND r.time < ? GROUP BY g.grp`;
  for (const row of connection.prepare(sums).all(project, from, to)) {
    const part = tally.part(tally.member(row.grp, 0), bucket);
    const { figures } = tally;
    figures[part + at.COUNT]! += row.count;
    figures[part + at.ERRORS]! += row.errors;
    figures[part + at.RATE_LIMITED]! += row.rateLimited;
    figures[part + at.INPUT_TOKENS]! += row.input;
    figures[part + at.OUTPUT_TOKENS]! += row.output;
    figures[part + at.COST_USD]! += row.cost;
    figures[part + at.UNPRICED]! += row.unpriced;
    figures[part + at.SUM]! += row.duration;
  }
}

/** Into a temporary table: of a CTE SQLite would think that it is short, and not look things up in it. */
function writeGroups({ db, prepare }: Connection, { places }: Groups): void {
  db.exec("CREATE TEMP TABLE IF NOT EXISTS groups (dim INTEGER PRIMARY KEY, grp INTEGER)");
  prepare("DELETE FROM temp.groups").run();
  const sql = "INSERT INTO temp.groups SELECT key, value >> 1 FROM json_each(?) WHERE value >= 0";
  prepare(sql).run(JSON.stringify([...places]));
}
