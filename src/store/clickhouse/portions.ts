/** A server takes 128 KB in one parameter; each id is quoted there. */
const MOST_CHARACTERS = 80_000;

/** Ids in portions that fit into one parameter each. */
export function* portions(ids: Iterable<string>): Generator<string[]> {
  let portion: string[] = [];
  let characters = 0;
  for (const id of ids) {
    const length = Buffer.byteLength(id) + 4;
    if (portion.length > 0 && characters + length > MOST_CHARACTERS) {
      yield portion;
      portion = [];
      characters = 0;
    }
    portion.push(id);
    characters += length;
  }
  if (portion.length > 0) yield portion;
}
