// A test that asserts what was traced, with the memory sink.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { configure, flush, memorySink, observe, shutdown } from "sightline";

class Cart {
  @observe()
  total(prices: number[]): number {
    return this.add(prices) * this.discount();
  }

  @observe({ type: "tool" })
  add(prices: number[]): number {
    return prices.reduce((sum, price) => sum + price, 0);
  }

  @observe()
  discount(): number {
    return 0.5;
  }
}

const sink = memorySink();
before(() => configure({ sinks: [sink] }));
after(() => shutdown());

test("total adds before it gives a discount", async () => {
  assert.equal(new Cart().total([10, 20]), 15);
  await flush();

  sink.expectTree(`
    Cart.total
    ├─ Cart.add [tool]
    └─ Cart.discount
  `);
  assert.equal(sink.find("Cart.add")?.record.output, 30);
});
