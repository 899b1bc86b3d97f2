/** Every number of capture. `configure` uses `LIMITS`; tests and hosts with other needs pass some of their own. */
export interface Limits {
  /** Levels of containers inside one another. */
  readonly depth: number;
  /** Entries kept of one object, array, Map or Set. */
  readonly entries: number;
  /** Values kept in one capture, containers and leaves together. */
  readonly nodes: number;
  /** Property names that one capture may list, kept or not. */
  readonly names: number;
  /** Characters up to which a string is read at all. */
  readonly read: number;
  /** Characters kept of one string, its end included. */
  readonly string: number;
  /** How many of those come from the end of the string. */
  readonly tail: number;
  /** Characters kept of all the strings in one capture. */
  readonly characters: number;
  /** Characters up to which a string is kept when `characters` is used up. */
  readonly short: number;
  /** Characters kept of one property name. */
  readonly name: number;
  /** Characters from which base64 content in a text is left out. */
  readonly base64: number;
  /** Characters read on either side of a cut, so that a secret across it is seen whole. */
  readonly margin: number;
  /** Characters read of one URL authority or one `Basic` credential. */
  readonly authority: number;
  /** Different property names whose verdict is remembered. */
  readonly remembered: number;
  /** Cuts that are listed. The markers inside the copy are not limited by it. */
  readonly cuts: number;
}

export const LIMITS: Limits = Object.freeze({
  // JSON.stringify of Node 20 overflows its stack at 5,000 levels, and no viewer shows more than a few.
  depth: 32,
  // Sentry's breadth. A page of results fits, a table does not.
  entries: 1_000,
  // 10,000 values are copied in about 1 ms; an embedding of 3,072 numbers is cut by `entries` before.
  nodes: 10_000,
  // V8 lists and sorts all names of an object before it gives the first (10,000 in 1 ms, 100,000 in 20 ms, a million in
  // 350 ms), so one very large object cannot be avoided; after it no other is opened.
  names: 50_000,
  // A string that a program has put together is a rope, which V8 joins before its first character can be read: 1 ms for a
  // million characters. The longest context windows take some 4 million.
  read: 8 * 1024 * 1024,
  // A long prompt fits whole; what is cut keeps 48 KiB of its start, and 16 KiB of its end, where errors and answers stand.
  string: 64 * 1024,
  tail: 16 * 1024,
  // Four full strings. Keeps the record of a span near the 1 MiB that batches and receivers take.
  characters: 256 * 1024,
  // A marker would be no shorter.
  short: 32,
  // Longer names are data used as names.
  name: 256,
  // Smaller pieces (signatures, ids, icons) are worth reading; above it is a file.
  base64: 1024,
  // The largest HTTP header block that Node accepts. What is longer is known by its end, or by having no blank in it.
  margin: 16 * 1024,
  // RFC 3986 sets no limit; browsers and servers take no longer host names and passwords.
  authority: 1024,
  // A program has a few hundred names; data used as names must not fill the memory.
  remembered: 2_000,
  // Enough to say what happened; a table of 1,000 long rows would otherwise list 1,000.
  cuts: 32,
});
