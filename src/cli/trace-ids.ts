/** Of ids made at the same time the beginnings are alike; fewer look like words. */
const LEAST = 12;

/** For each id as much of its beginning as tells it from the others. */
export function shortestIds(ids: readonly string[]): ReadonlyMap<string, string> {
  const sorted = [...new Set(ids)].sort();
  let length = LEAST;
  for (let i = 1; i < sorted.length; i++) {
    const [before, id] = [sorted[i - 1]!, sorted[i]!];
    let same = 0;
    while (same < id.length && id[same] === before[same]) same++;
    length = Math.max(length, same + 1);
  }
  return new Map(sorted.map((id) => [id, id.slice(0, length)]));
}
