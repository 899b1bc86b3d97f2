import assert from "node:assert/strict";
import { test } from "node:test";
import { genaiPrices, type PriceBook, priceBooks, staticPrices, stats } from "sightline";
import { isPrices, priceBook } from "../../src/pricing/price-book.ts";

const request = { model: "mine", usage: { inputTokens: 1_000_000, outputTokens: 0 }, at: 0 };

test("the first book that knows has the word, and is named on the cost", () => {
  const books = priceBooks(
    () => undefined,
    staticPrices({ mine: { input: 1 } }, { name: "contract" }),
    staticPrices({ mine: { input: 2 }, other: { input: 3 } }),
  );
  assert.deepEqual(books.price(request), {
    currency: "USD",
    total: 1,
    input: 1,
    output: 0,
    source: "computed",
    model: "mine",
    book: "contract",
  });
  assert.equal(books.price({ ...request, model: "other" })?.book, "static");
  assert.equal(books.price({ ...request, model: "none" }), undefined);
  assert.equal(priceBooks(books).price(request)?.book, "contract", "in a book of books too");
});

test("a function gives a total or parts; what is no cost counts as not known", () => {
  const answer = (value: unknown) =>
    priceBook(function mine() {
      return value as never;
    }).price(request);
  assert.deepEqual(answer(0.1 + 0.2), { currency: "USD", total: 0.3, source: "computed", book: "mine" });
  assert.equal(answer({ input: 1, output: 2, tools: 3 })?.total, 6);
  assert.equal(answer({ input: 1, output: 2, total: 2.5 })?.total, 2.5, "a stated total stands");
  assert.equal(answer(0)?.total, 0);
  for (const none of [undefined, null, {}, "1", Number.NaN, -1, { total: "1" }, { input: -1 }, Promise.resolve(1)]) {
    assert.equal(answer(none), undefined, String(none));
  }
});

test("a book that throws is counted, and the next one asked", () => {
  const before = stats().internalErrors;
  const books = priceBooks(
    () => {
      throw new Error("down");
    },
    staticPrices({ mine: { input: 1 } }),
  );
  assert.equal(books.price(request)?.total, 1);
  assert.equal(stats().internalErrors, before + 1);
});

test("all books are prepared, also when one cannot be", () => {
  const prepared: string[] = [];
  const book = (name: string): PriceBook => ({
    name,
    prepare() {
      prepared.push(name);
      if (name === "first") throw new Error("no");
    },
    price: () => undefined,
  });
  assert.throws(() => priceBooks(book("first"), book("second")).prepare!(), /no/);
  assert.deepEqual(prepared, ["first", "second"]);
  assert.equal(priceBooks(staticPrices({})).prepare, undefined, "nothing to read, nothing to wait for");
});

test("what is a price book", () => {
  assert.ok([genaiPrices(), staticPrices({}), () => 1, [], [() => 1, genaiPrices()]].every(isPrices));
  const price = () => undefined;
  const none = [null, undefined, true, 5, "x", {}, { price }, { name: "x" }, { name: "x", price, prepare: 5 }, [5]];
  assert.deepEqual(none.filter(isPrices), []);
});
