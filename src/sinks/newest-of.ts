/** Of records of the same thing the one with the highest `seq`, in the order in which things came first. */
export function newestOf<T extends { readonly seq: number }>(records: readonly T[], keyOf: (record: T) => string): T[] {
  const newest = new Map<string, T>();
  for (const record of records) {
    const other = newest.get(keyOf(record));
    if (other === undefined || other.seq <= record.seq) newest.set(keyOf(record), record);
  }
  return [...newest.values()];
}
