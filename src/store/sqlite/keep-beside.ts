import { plainText } from "../plain-text.ts";
import { traceFacts } from "../trace-facts.ts";
import type { Batch, ParsedBeside } from "./batch.ts";
import type { Books } from "./books.ts";
import type { Connection } from "./connection.ts";

/** Scores and findings. @returns the traces whose findings may be others now */
export function keepBeside(
  { prepare }: Connection,
  books: Books,
  { scores, findings }: Batch,
): Map<string, { readonly project: number; readonly traceId: string }> {
  const touched = new Map<string, { readonly project: number; readonly traceId: string }>();
  for (const { project: name, record, us, line } of scores.values()) {
    const project = books.vocabulary.project(name);
    if (!isNewer("scores", project, { record })) continue;
    const value = typeof record.value === "boolean" ? Number(record.value) : record.value;
    const { feature = null, team = null, userId = null, environment = null } = traceFacts(record);
    prepare("INSERT OR REPLACE INTO scores VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[project, record.id, record.seq, record.traceId ?? null, us, plainText(record.name)],
      ...[typeof value === "number" ? value : null, feature, team, userId, environment, line],
    );
  }
  for (const { project: name, record, us, line } of findings.values()) {
    const project = books.vocabulary.project(name);
    if (!isNewer("findings", project, { record })) continue;
    prepare("INSERT OR REPLACE INTO findings VALUES (?, ?, ?, ?, ?, ?, ?, ?)").run(
      ...[project, record.id, record.seq, record.traceId ?? null, us, plainText(record.name), record.severity, line],
    );
    if (record.traceId) touched.set(`${name}\n${record.traceId}`, { project, traceId: record.traceId });
  }
  return touched;

  function isNewer(table: "scores" | "findings", project: number, { record }: Pick<ParsedBeside, "record">): boolean {
    const known = prepare(`SELECT seq, trace_id FROM ${table} WHERE project = ? AND id = ?`).get(project, record.id);
    if (known === undefined) books.count(project, table, 1);
    if (known !== undefined && known.seq >= record.seq) return false;
    if (table === "findings" && known?.trace_id) {
      const { name } = prepare("SELECT name FROM projects WHERE id = ?").get(project);
      touched.set(`${name}\n${known.trace_id}`, { project, traceId: known.trace_id });
    }
    return true;
  }
}
