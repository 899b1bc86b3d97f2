import type { Facts } from "./facts.ts";

/** Facts by which later traces are judged: of runs, of calls with tokens, of requests over the limit; in order of arrival. */
export interface History {
  readonly facts: readonly Facts[];
  /** `known` is what was added of the same span before. */
  add(fact: Facts, known?: Facts): void;
}

const MAX_FACTS = 1_000;

export function createHistory(): History {
  let facts: Facts[] = [];
  return {
    get facts() {
      return facts;
    },
    add(fact, known) {
      const at = known === undefined ? -1 : facts.lastIndexOf(known);
      if (at !== -1) facts[at] = fact;
      else if (isOfUse(fact)) facts.push(fact);
      // Seldom, so that most calls copy nothing.
      if (facts.length >= 2 * MAX_FACTS) facts = facts.slice(-MAX_FACTS);
    },
  };
}

function isOfUse({ type, usage, http }: Facts): boolean {
  if (type === "agent" || usage !== undefined) return true;
  return http?.status === 429 || http?.attempts.some(({ status }) => status === 429) === true;
}
