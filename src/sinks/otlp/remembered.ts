/** A program has a few hundred names; data used as names must not fill the memory. */
const MAX_NAMES = 1_000;
const MAX_LENGTH = 128;

/** The same function, which makes what it gives for a short text once and keeps it: names come again and again. */
export function remembered<Part>(make: (name: string) => Part): (name: string) => Part {
  const parts = new Map<string, Part>();
  return (name) => {
    let part = parts.get(name);
    if (part !== undefined) return part;
    part = make(name);
    if (name.length > MAX_LENGTH) return part;
    if (parts.size >= MAX_NAMES) parts.clear();
    parts.set(name, part);
    return part;
  };
}
