/** Every scorer that needs nobody's answer, and what a text may cost them. */
import assert from "node:assert/strict";
import { consistency } from "../../src/monitors/quality/consistency.ts";
import { golden } from "../../src/monitors/quality/golden.ts";
import { grounding } from "../../src/monitors/quality/grounding.ts";
import { hedging } from "../../src/monitors/quality/hedging.ts";
import { jsonFormat } from "../../src/monitors/quality/json-format.ts";
import { languageMatch } from "../../src/monitors/quality/language-match.ts";
import { lexicalOverlap } from "../../src/monitors/quality/lexical-overlap.ts";
import { markdownFormat } from "../../src/monitors/quality/markdown-format.ts";
import { refusal } from "../../src/monitors/quality/refusal.ts";
import { repetition } from "../../src/monitors/quality/repetition.ts";
import { sampleOf } from "../../src/monitors/quality/sample.ts";
import { type Scorer, verdictOf } from "../../src/monitors/quality/scorer.ts";
import { textLength } from "../../src/monitors/quality/text-length.ts";
import { generation } from "../monitors/quality-samples.ts";

export const scorers = (): Scorer[] => [
  jsonFormat({ allowFence: true }),
  textLength({ minWords: 3, maxWords: 9 }),
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

const MB = 1024 * 1024;

/** A megabyte of this, cut as `quality` cuts it, costs all scorers together no more than a moment. */
export async function assertQuick(piece: string): Promise<void> {
  const all = scorers();
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
