/** Terms that are smaller by this change no figure any more. */
const NEGLIGIBLE = 1e-12;

/**
 * Whether `hits` of `samples` are more than chance explains where each one is a hit with this `share`: true when so many or
 * more would be seen in fewer than 1 - `confidence` of all cases. Exact, as most of our samples are small.
 */
export function isMoreThanChance(hits: number, samples: number, share: number, confidence: number): boolean {
  if (hits <= samples * share) return false;
  return share <= 0 || tail(hits, samples, share) <= 1 - confidence;
}

/** P(X >= hits) for hits above the mean: from there on each term is smaller than the one before. */
function tail(hits: number, samples: number, share: number): number {
  const odds = share / (1 - share);
  let term = Math.exp(
    logFactorial(samples) -
      logFactorial(hits) -
      logFactorial(samples - hits) +
      hits * Math.log(share) +
      (samples - hits) * Math.log1p(-share),
  );
  let sum = 0;
  for (let k = hits; k <= samples && term > sum * NEGLIGIBLE; k++) {
    sum += term;
    term *= ((samples - k) / (k + 1)) * odds;
  }
  return sum;
}

/** Exact below ten; Stirling's series with three terms is right to nine digits from there on. */
function logFactorial(n: number): number {
  if (n < 10) {
    let product = 1;
    for (let i = 2; i <= n; i++) product *= i;
    return Math.log(product);
  }
  return n * Math.log(n) - n + Math.log(2 * Math.PI * n) / 2 + 1 / (12 * n) - 1 / (360 * n ** 3) + 1 / (1260 * n ** 5);
}
