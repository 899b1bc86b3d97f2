interface Counted {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
}

/** Input and output together; undefined where neither is known. */
export function tokenSum({ inputTokens, outputTokens }: Counted): number | undefined {
  if (inputTokens === undefined && outputTokens === undefined) return undefined;
  return (inputTokens ?? 0) + (outputTokens ?? 0);
}
