import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { consistency } from "../../src/monitors/quality/consistency.ts";
import { golden } from "../../src/monitors/quality/golden.ts";
import { grounding } from "../../src/monitors/quality/grounding.ts";
import { hedging } from "../../src/monitors/quality/hedging.ts";
import { jsonFormat } from "../../src/monitors/quality/json-format.ts";
import { languageMatch } from "../../src/monitors/quality/language-match.ts";
import { length } from "../../src/monitors/quality/length.ts";
import { lexicalOverlap } from "../../src/monitors/quality/lexical-overlap.ts";
import { markdownFormat } from "../../src/monitors/quality/markdown-format.ts";
import { refusal } from "../../src/monitors/quality/refusal.ts";
import { repetition } from "../../src/monitors/quality/repetition.ts";
import { sampleOf } from "../../src/monitors/quality/sample.ts";
import { type Scorer, verdictOf } from "../../src/monitors/quality/scorer.ts";
import { answer, generation } from "./quality-samples.ts";

const scorers = (): Scorer[] => [
  jsonFormat({ allowFence: true }),
  length({ minWords: 3, maxWords: 9 }),
  markdownFormat({ sections: ["a"] }),
  lexicalOverlap({ minWords: 1 }),
  hedging(),
  grounding({ minDigits: 1 }),
  consistency(),
  golden([], { by: "levenshtein" }),
  golden([], { by: "token_f1" }),
  refusal(),
  repetition({ words: 1 }),
  languageMatch(),
];

/** Any characters, and pieces that scorers look for. */
const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc
    .array(fc.constantFrom("the", "never", "12,5", '"', "```", "# a\n", ".", "\n\n", "的", "я", "$", "%", "\ud800"), {
      maxLength: 60,
    })
    .map((parts) => parts.join(" ")),
);

test("a scorer says 0 to 1 or nothing, whatever the texts are", async () => {
  const all = scorers();
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.boolean(), async (input, output, context, isCut) => {
      for (const scorer of all) {
        const said = await scorer.score(answer(output, { input, context, expected: context, isCut }));
        // Throws for what is no score.
        const verdict = verdictOf(said);
        assert.ok(verdict === undefined || Number.isFinite(verdict.value), scorer.name);
      }
    }),
    { numRuns: 80 },
  );
});

test("a megabyte of hostile text costs the scorers a moment, cut as quality cuts it", async () => {
  const MB = 1024 * 1024;
  const hostile = ["1,", ".", '"', "> ", "_a_", "=\n-\n", "!?", "的", "ﷺ", '{"a":'];
  const all = scorers();
  for (const piece of hostile) {
    const whole = piece.repeat(MB / piece.length);
    const cut = sampleOf(generation(whole, whole))!;
    assert.equal(cut.output.length, 20_000);
    assert.equal(cut.isCut, true);
    const began = process.cpuUsage();
    for (const scorer of all) {
      // Not as one that is cut: most scorers would have nothing to say.
      const said = async (): Promise<unknown> => scorer.score({ ...cut, isCut: false, expected: cut.output });
      const verdict = await said().catch((error) => assert.ok(error instanceof RangeError, String(error)));
      verdictOf(verdict as number | undefined);
    }
    const { user, system } = process.cpuUsage(began);
    assert.ok(user + system < 1_500_000, `${JSON.stringify(piece)} took ${(user + system) / 1000} ms`);
  }
});

test("time grows with the length of a text and not with its square", () => {
  const linear = scorers().filter(({ name }) => name !== "markdown_format" && name !== "golden");
  for (const piece of ["1", ".", "a", '"', "!?", "\u0301"]) {
    const whole = piece.repeat(300_000 / piece.length);
    for (const scorer of linear) {
      const began = process.cpuUsage();
      verdictOf(scorer.score(answer(whole, { input: "a question of the user", context: "1" })) as number);
      const { user } = process.cpuUsage(began);
      assert.ok(user < 1_000_000, `${scorer.name} on ${JSON.stringify(piece)} took ${user / 1000} ms`);
    }
  }
});
