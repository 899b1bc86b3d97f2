/** A seeded source of everything that test data need: the same seed, the same values. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** A whole number in [0, below). */
  int(below: number): number;
  chance(p: number): boolean;
  pick<T>(values: readonly T[]): T;
  /** Prefers the first ones: a tenth of the values gets about half of the picks. */
  skewed<T>(values: readonly T[]): T;
  hex(digits: number): string;
  shuffle<T>(values: readonly T[]): T[];
}

/** mulberry32. */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const bits = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  const next = (): number => bits() / 2 ** 32;
  const int = (below: number): number => Math.floor(next() * below);
  return {
    next,
    int,
    chance: (p) => next() < p,
    pick: (values) => values[int(values.length)]!,
    skewed: (values) => values[Math.floor(next() ** 3.3 * values.length)]!,
    hex(digits) {
      let text = "";
      while (text.length < digits) text += bits().toString(16).padStart(8, "0");
      return text.slice(0, digits);
    },
    shuffle(values) {
      const shuffled = [...values];
      for (let i = shuffled.length - 1; i > 0; i--) {
        const j = int(i + 1);
        [shuffled[i], shuffled[j]] = [shuffled[j]!, shuffled[i]!];
      }
      return shuffled;
    },
  };
}
