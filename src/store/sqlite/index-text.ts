import type { SpanRecord } from "../../core/record.ts";
import { searchText } from "../search-text.ts";

export function indexText(record: SpanRecord): string {
  return searchText(record);
}
