/**
 * A statement of our schema as 18.16 takes it. It has no codecs, text and bloom indexes, `Map`, `UInt128` or merging by age,
 * nor `IF NOT EXISTS` for a column, nor settings of a deletion; everything else, engines and `ON CLUSTER` above all, stays
 * letter by letter.
 */
export function reduced(statement: string): string {
  return statement
    .replace(/ CODEC\((?:[^()]|\([^()]*\))*\)/g, "")
    .replace(/,\n {2}INDEX .*/g, "")
    .replace("ADD COLUMN IF NOT EXISTS", "ADD COLUMN")
    .replace("Map(String, String)", "String")
    .replace("UInt128", "UInt64")
    .replace(/LowCardinality\((\w+)\)/g, "$1")
    .replace(/ SETTINGS mutations_sync = \d$/, "")
    .replace(/, min_age_to_force_merge\w* = \d+/g, "");
}
