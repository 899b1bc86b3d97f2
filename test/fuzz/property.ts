import type { TestContext } from "node:test";
import fc from "fast-check";
import { anyCharacter } from "../support/any-character.ts";

/** The same values in every run. `FUZZ_SEED` and `FUZZ_TIMES` look elsewhere, and for longer. */
const SEED = Number(process.env["FUZZ_SEED"] ?? 20_261_121);
const TIMES = Number(process.env["FUZZ_TIMES"] ?? 1);

/** Checks a property for `runs` generated values; says with which seed. */
export async function holds(t: TestContext, property: fc.IRawProperty<any>, runs: number): Promise<void> {
  const numRuns = runs * TIMES;
  await fc.assert(property as fc.IAsyncProperty<any>, { seed: SEED, numRuns });
  t.diagnostic(`figure: ${numRuns.toLocaleString("en")} runs, seed ${SEED}`);
}

/** Text with everything that breaks parsers in it: controls, quotes, line ends of all kinds, lone surrogates. */
export const wildText: fc.Arbitrary<string> = fc.oneof(
  fc.string({ unit: anyCharacter }),
  fc.string({ unit: "grapheme" }),
  fc
    .array(
      fc.constantFrom(
        "\ud800",
        "\udc00",
        "\0",
        "\r",
        "\n",
        "\u2028",
        '"',
        "\\",
        ",",
        ";",
        "=",
        "%",
        "-",
        "é",
        "a",
        " ",
      ),
    )
    .map((parts) => parts.join("")),
);

/** Any value at all of plain data, Maps, Sets, Dates, typed arrays, sparse arrays, big integers, objects without prototype. */
export const anything: fc.Arbitrary<unknown> = fc.anything({
  withBigInt: true,
  withBoxedValues: true,
  withDate: true,
  withMap: true,
  withNullPrototype: true,
  withObjectString: true,
  withSet: true,
  withSparseArray: true,
  withTypedArray: true,
  key: fc.oneof(fc.string(), fc.constantFrom("__proto__", "constructor", "prototype", "toJSON", "then", "length", "…")),
});
