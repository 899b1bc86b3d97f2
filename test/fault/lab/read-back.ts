import type { TraceRecord } from "../../../src/core/record.ts";
import { type CorruptLine, readRecords } from "../../../src/sinks/read-records.ts";

/** What a reader finds in the file and its rotated siblings. */
export async function readBack(path: string): Promise<{ records: TraceRecord[]; corrupt: CorruptLine[] }> {
  const records: TraceRecord[] = [];
  const corrupt: CorruptLine[] = [];
  for await (const record of readRecords(path, { onCorrupt: (line) => corrupt.push(line) })) records.push(record);
  return { records, corrupt };
}
