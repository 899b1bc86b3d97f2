import { guard } from "../core/guard.ts";
import type { Cost, Usage } from "../core/record.ts";
import { totalUsd, usd } from "../core/usd.ts";

/** One model call to be priced. */
export interface PriceRequest {
  /** The model that answered; the one that was asked where the answer names none. */
  readonly model: string;
  /** As records name it: `openai`, `azure.ai.openai`, `groq`, … */
  readonly provider?: string;
  /** Inclusive totals; cache, audio, image and reasoning counts are subsets of them. */
  readonly usage: Usage;
  /** Epoch milliseconds of the call. */
  readonly at: number;
  /** The tier that served the call, else the one that was asked for. */
  readonly serviceTier?: string;
}

/** Knows what model calls cost. */
export interface PriceBook {
  readonly name: string;
  /** Reads what the book needs. Called once, in a turn of its own, before the first price; what it throws is said once. */
  prepare?(): void;
  /**
   * The cost in USD, or `undefined` when it is not known for certain: a wrong cost is worse than none.
   *
   * @param why may be told what is missing, for the warning: `service tier "scale"`
   */
  price(request: PriceRequest, why?: (reason: string) => void): Cost | undefined;
}

/** A price book as one function: gives the total in USD, or the parts of a cost, or `undefined` for what it does not know. */
export type PriceFunction = (request: PriceRequest) => CostParts | number | undefined;

export type CostParts = Pick<Cost, "total" | "input" | "output" | "tools" | "model" | "book">;

/** What `configure({ prices })` takes. */
export type Prices = PriceBook | PriceFunction | readonly (PriceBook | PriceFunction)[];

/**
 * One book from several: the first that knows the price has the word.
 *
 * @example
 * configure({ prices: priceBooks(staticPrices({ "my-model": { input: 1, output: 2 } }), genaiPrices()) });
 */
export function priceBooks(...books: readonly (PriceBook | PriceFunction)[]): PriceBook {
  const all = books.map((book) => (typeof book === "function" ? functionBook(book) : book));
  return {
    name: all.map(({ name }) => name).join(", "),
    ...(all.some(({ prepare }) => prepare !== undefined) && { prepare: () => prepareAll(all) }),
    price(request, why) {
      for (const book of all) {
        // One that throws must not keep the next from answering.
        const cost = guard(() => answerOf(book, request, why), undefined);
        if (cost !== undefined) return cost;
      }
      return undefined;
    },
  };
}

/** What a book says; an error of its goes into the warning, and is counted as any. */
function answerOf(
  book: PriceBook,
  request: PriceRequest,
  why: ((reason: string) => void) | undefined,
): Cost | undefined {
  try {
    return checkedCost(book.price(request, why), book.name);
  } catch (error) {
    why?.(`${book.name} threw ${String((error as Error)?.message ?? error)}`);
    throw error;
  }
}

/** Throws the first error, after every book had its turn. */
function prepareAll(books: readonly PriceBook[]): void {
  const errors: unknown[] = [];
  for (const book of books) {
    try {
      book.prepare?.();
    } catch (error) {
      errors.push(error);
    }
  }
  if (errors.length > 0) throw errors[0];
}

/** The book behind the option. */
export function priceBook(prices: Prices): PriceBook {
  return priceBooks(...(Array.isArray(prices) ? prices : [prices as PriceBook | PriceFunction]));
}

export function isPrices(value: unknown): value is Prices {
  return Array.isArray(value) ? value.every(isBook) : isBook(value);
}

function isBook(value: unknown): boolean {
  if (typeof value === "function") return true;
  const { name, price, prepare } = (value ?? {}) as Partial<PriceBook>;
  return (
    typeof name === "string" && typeof price === "function" && (prepare === undefined || typeof prepare === "function")
  );
}

function functionBook(price: PriceFunction): PriceBook {
  return {
    name: price.name || "function",
    price(request) {
      const answer = price(request);
      return (typeof answer === "number" ? { total: answer } : answer) as Cost | undefined;
    },
  };
}

/** What anybody's book has answered, as a cost of ours; `undefined` for what is none. */
function checkedCost(answer: CostParts | undefined, asked: string): Cost | undefined {
  if (typeof answer !== "object" || answer === null) return undefined;
  const { input, output, tools, total, model, book = asked } = answer;
  const amounts = Object.entries({ total, input, output, tools }).filter(([, amount]) => amount !== undefined);
  if (!amounts.every(([, amount]) => Number.isFinite(amount) && (amount as number) >= 0)) return undefined;
  const parts: CostParts = Object.fromEntries(amounts.map(([name, amount]) => [name, usd(amount as number)]));
  const sum = totalUsd({ ...parts, currency: "USD", source: "computed" });
  if (sum === undefined) return undefined;
  return {
    currency: "USD",
    total: sum,
    ...parts,
    source: "computed",
    ...(typeof model === "string" && { model }),
    book: String(book),
  };
}
