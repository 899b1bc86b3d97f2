interface Priced {
  readonly inputTokens?: number | undefined;
  readonly outputTokens?: number | undefined;
  readonly costUsd?: number | undefined;
}

/** It used tokens, and what they cost is not known: a sum with it is less than what was spent. */
export function isUnpriced({ inputTokens, outputTokens, costUsd }: Priced): boolean {
  return costUsd === undefined && (inputTokens ?? outputTokens) !== undefined;
}
