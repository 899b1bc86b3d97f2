interface Priced {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  readonly costUsd?: number;
}

/** It used tokens, and what they cost is not known. Of a whole trace: nothing in it has a price. */
export function isUnpriced({ inputTokens, outputTokens, costUsd }: Priced): boolean {
  return costUsd === undefined && (inputTokens !== undefined || outputTokens !== undefined);
}
