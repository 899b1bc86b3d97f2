/** A sum in USD that stays exact to 10⁻¹² however many amounts it has: whole dollars, and parts of one. */
export interface Amount {
  dollars: number;
  parts: number;
}

/** As in `sumUsd`: the cheapest token is priced at some 10,000 of them. */
const PARTS = 1e12;

export function newAmount(): Amount {
  return { dollars: 0, parts: 0 };
}

export function addUsd(amount: Amount, usd: number): void {
  const whole = Math.trunc(usd);
  amount.dollars += whole;
  amount.parts += Math.round((usd - whole) * PARTS);
  const carried = Math.trunc(amount.parts / PARTS);
  amount.dollars += carried;
  amount.parts -= carried * PARTS;
}

export function addAmount(amount: Amount, other: Amount): void {
  amount.dollars += other.dollars;
  amount.parts += other.parts;
  addUsd(amount, 0);
}

export function usdOf({ dollars, parts }: Amount): number {
  // Below some 9,000 USD the quotient of two integers is the nearest number there is: 0.3, not 0.30000000000000004.
  const isExact = Math.abs(dollars) < Number.MAX_SAFE_INTEGER / PARTS;
  return isExact ? (dollars * PARTS + parts) / PARTS : dollars + parts / PARTS;
}

/** `1,234.50`, `0.30`, `0.0042`, `0.000012`: two digits that count, at least, or as many as are asked for. */
export function usdText(usd: number, digits: number = digitsOf(usd)): string {
  const [whole, rest] = usd.toFixed(digits).split(".");
  return `${whole!.replace(/\B(?=(?:\d{3})+$)/g, ",")}.${rest}`;
}

/** How many digits behind the point that takes. */
export function digitsOf(usd: number): number {
  const size = Math.abs(usd);
  return size === 0 || size >= 1 ? 2 : Math.min(12, Math.max(2, 1 - Math.floor(Math.log10(size))));
}
