/** Indices of two lists that belong together, in order. */
export type Pair = readonly [left: number, right: number];

/** Steps after which a good pairing is enough: about a quarter of a second. */
const MAX_STEPS = 20_000_000;
/** Beyond that many steps, parts of at most this many are paired exactly, each with its counterpart. */
const SMALL = 256;

/**
 * The longest common subsequence of two lists by Myers' algorithm in linear space. Where the lists are so long and so
 * different that it would take more than `maxSteps`, what is left is cut into small parts first: what is found is common
 * and in order, and no longer always the longest.
 */
export function common(left: readonly string[], right: readonly string[], maxSteps: number = MAX_STEPS): Pair[] {
  const ids = new Map<string, number>();
  const idOf = (key: string): number => {
    const known = ids.get(key) ?? ids.size;
    ids.set(key, known);
    return known;
  };
  const a = left.map(idOf);
  const b = right.map(idOf);
  // What only one side has is in no common subsequence.
  const [keptA, keptB] = [kept(a, b), kept(b, a)];
  const work = new Work(
    keptA.map((index) => a[index] as number),
    keptB.map((index) => b[index] as number),
    maxSteps,
  );
  return work.run().map(([x, y]) => [keptA[x] as number, keptB[y] as number]);
}

function kept(list: readonly number[], other: readonly number[]): number[] {
  const known = new Set(other);
  return list.flatMap((id, index) => (known.has(id) ? [index] : []));
}

interface Snake {
  readonly fromX: number;
  readonly fromY: number;
  readonly toX: number;
  readonly toY: number;
}

/** Bounds of a part that is still to be paired: ends are not in it. */
type Part = readonly [fromX: number, toX: number, fromY: number, toY: number];

class Work {
  private steps = 0;
  private readonly forward: Int32Array;
  private readonly backward: Int32Array;
  private readonly a: readonly number[];
  private readonly b: readonly number[];
  private readonly maxSteps: number;

  constructor(a: readonly number[], b: readonly number[], maxSteps: number) {
    this.a = a;
    this.b = b;
    this.maxSteps = maxSteps;
    const size = 2 * (Math.ceil((a.length + b.length) / 2) + 1) + 1;
    this.forward = new Int32Array(size);
    this.backward = new Int32Array(size);
  }

  run(): Pair[] {
    const { a, b } = this;
    const pairs: Pair[] = [];
    const parts: Part[] = [[0, a.length, 0, b.length]];
    for (let part = parts.pop(); part !== undefined; part = parts.pop()) {
      let [fromX, toX, fromY, toY] = part;
      while (fromX < toX && fromY < toY && a[fromX] === b[fromY]) pairs.push([fromX++, fromY++]);
      while (fromX < toX && fromY < toY && a[toX - 1] === b[toY - 1]) pairs.push([--toX, --toY]);
      if (fromX === toX || fromY === toY) continue;
      const isSmall = Math.max(toX - fromX, toY - fromY) <= SMALL;
      const snake = isSmall || this.steps < this.maxSteps ? this.middle(fromX, toX, fromY, toY, isSmall) : undefined;
      if (snake === undefined) {
        const [halfX, halfY] = [(fromX + toX) >> 1, (fromY + toY) >> 1];
        parts.push([fromX, halfX, fromY, halfY], [halfX, toX, halfY, toY]);
        continue;
      }
      for (let x = snake.fromX, y = snake.fromY; x < snake.toX; x++, y++) pairs.push([x, y]);
      parts.push([fromX, snake.fromX, fromY, snake.fromY], [snake.toX, toX, snake.toY, toY]);
    }
    return pairs.sort((one, other) => one[0] - other[0]);
  }

  /** The diagonal in the middle of a shortest edit script; undefined once there were too many steps. */
  private middle(fromX: number, toX: number, fromY: number, toY: number, isSmall: boolean): Snake | undefined {
    const { a, b, forward, backward } = this;
    const [n, m] = [toX - fromX, toY - fromY];
    const delta = n - m;
    const isOdd = (delta & 1) !== 0;
    const max = Math.ceil((n + m) / 2);
    const zero = max + 1;
    forward[zero + 1] = 0;
    backward[zero + 1] = 0;
    for (let d = 0; d <= max; d++) {
      this.steps += 2 * d + 2;
      if (!isSmall && this.steps > this.maxSteps) return undefined;
      for (let k = -d; k <= d; k += 2) {
        const isDown = k === -d || (k !== d && at(forward, zero + k - 1) < at(forward, zero + k + 1));
        const startX = isDown ? at(forward, zero + k + 1) : at(forward, zero + k - 1) + 1;
        let x = startX;
        let y = x - k;
        while (x < n && y < m && a[fromX + x] === b[fromY + y]) {
          x++;
          y++;
        }
        this.steps += x - startX;
        forward[zero + k] = x;
        const back = delta - k;
        if (isOdd && back >= -(d - 1) && back <= d - 1 && x + at(backward, zero + back) >= n) {
          return { fromX: fromX + startX, fromY: fromY + startX - k, toX: fromX + x, toY: fromY + y };
        }
      }
      for (let k = -d; k <= d; k += 2) {
        const isDown = k === -d || (k !== d && at(backward, zero + k - 1) < at(backward, zero + k + 1));
        const startX = isDown ? at(backward, zero + k + 1) : at(backward, zero + k - 1) + 1;
        let x = startX;
        let y = x - k;
        while (x < n && y < m && a[toX - 1 - x] === b[toY - 1 - y]) {
          x++;
          y++;
        }
        this.steps += x - startX;
        backward[zero + k] = x;
        const front = delta - k;
        if (!isOdd && front >= -d && front <= d && x + at(forward, zero + front) >= n) {
          return { fromX: toX - x, fromY: toY - y, toX: toX - startX, toY: toY - (startX - k) };
        }
      }
    }
    return undefined;
  }
}

function at(list: Int32Array, index: number): number {
  return list[index] as number;
}
