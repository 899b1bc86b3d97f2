/** What a member of a chain carries; the chain's own. */
export interface Link<T> {
  before?: T | undefined;
  after?: T | undefined;
}

/**
 * First in, first out, and any member can leave in O(1). Not a `Set`: taking the first of 10,000 out of one costs 7 µs,
 * as every look from the front passes the holes that the earlier ones left.
 */
export interface Chain<T extends Link<T>> {
  readonly first: T | undefined;
  push(one: T): void;
  /** `one` must be in this chain. */
  remove(one: T): void;
}

export function createChain<T extends Link<T>>(): Chain<T> {
  let first: T | undefined;
  let last: T | undefined;
  return {
    get first() {
      return first;
    },
    push(one) {
      one.before = last;
      one.after = undefined;
      if (last === undefined) first = one;
      else last.after = one;
      last = one;
    },
    remove(one) {
      const { before, after } = one;
      if (before === undefined) first = after;
      else before.after = after;
      if (after === undefined) last = before;
      else after.before = before;
      one.before = one.after = undefined;
    },
  };
}
