/**
 * Drops the smallest, once there are a tenth more than `max`: so that sorting is paid for by many additions. `drop` gets each
 * one that goes. Says how many have gone.
 */
export function keepLargest<T>(
  entries: Map<string, T>,
  max: number,
  sizeOf: (value: T) => number,
  drop: (value: T, key: string) => void,
): number {
  if (entries.size <= max * 1.1) return 0;
  const bySize = [...entries].map(([key, value]) => ({ key, value, size: sizeOf(value) }));
  bySize.sort((a, b) => a.size - b.size);
  for (const { key, value } of bySize.slice(0, entries.size - max)) {
    entries.delete(key);
    drop(value, key);
  }
  return bySize.length - max;
}
