import assert from "node:assert/strict";
import { describe, it, type TestContext, test } from "node:test";
import { createRedactor, type MaskOptions } from "../../src/capture/redact.ts";
import { HOSTILE, PROSE } from "./hostile-texts.ts";

/** Every rule that is asked once more for the same characters would double what it reads. */
const RATIO = 2.2;
const STEPS_A_CHARACTER = 40;
const SIZE = 20_000;

const BEFORE = ["", "://", "-----BEGIN KEY-----", 'password="', "sk-", "eyJ", "+49"];
const MASKS: readonly (readonly [string, MaskOptions])[] = [
  ["secrets", {}],
  ["secrets and personal data", { pii: true, keys: ["customer id", /tenant/] }],
];

function steps(text: string, mask: MaskOptions): number {
  const redactor = createRedactor(mask);
  redactor.text(text);
  return redactor.steps;
}

function fill(unit: string, length: number, before: string): string {
  return before + unit.repeat(Math.ceil(length / unit.length)).slice(0, length);
}

describe("P20 masking reads twice as much of twice as long a text", () => {
  let worst = 0;
  let texts = 0;
  for (const [what, mask] of MASKS) {
    for (const unit of [...HOSTILE, ...PROSE]) {
      it(`P20 ${what}: ${JSON.stringify(unit)} repeated`, () => {
        for (const before of BEFORE) {
          const half = steps(fill(unit, SIZE, before), mask);
          const whole = steps(fill(unit, 2 * SIZE, before), mask);
          assert.ok(half >= SIZE, "the steps are counted");
          assert.ok(whole < RATIO * half, `after ${JSON.stringify(before)}: ${whole} steps, ${half} of the half`);
          assert.ok(whole <= 2 * SIZE * STEPS_A_CHARACTER, `${whole / (2 * SIZE)} steps a character`);
          worst = Math.max(worst, whole / half);
          texts++;
        }
      });
    }
  }
  it("P20 the figure", (t: TestContext) => {
    t.diagnostic(`figure: ${texts} hostile texts, steps(2n)/steps(n) at most ${worst.toFixed(3)}`);
    assert.ok(texts > 0 && worst > 1.9);
  });
});

test("P20 a text that is JSON in JSON, six times", () => {
  let text = '{"api_key":"a"}';
  for (let i = 0; i < 6; i++) text = JSON.stringify({ body: text, password: "b", n: i });
  assert.ok(steps(text.repeat(2_000), {}) < RATIO * steps(text.repeat(1_000), {}));
});

test("P20 quotes of every depth that nothing closes are looked for once each", () => {
  const openings = ['"', "'", "`"].flatMap((mark) => [0, 1, 2, 3, 4].map((n) => `a_key=${"\\".repeat(n)}${mark}\n`));
  const text = (n: number) => openings.join("") + "x".repeat(n);
  assert.ok(steps(text(40_000), {}) < RATIO * steps(text(20_000), {}));
});

test("P20 the counter counts: a redactor that were quadratic would fail", () => {
  assert.equal(steps("x".repeat(SIZE), {}), SIZE);
  assert.ok(steps("api_key=".repeat(100), {}) > 800);
});
