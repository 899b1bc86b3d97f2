/** Messages as long as can be, of characters that vendors count or escape. `npm test` does the same with fewer. */
import { test } from "node:test";
import { longFits } from "../support/vendor-forms.ts";

for (const unit of ["&", "💥", "a\n", "\\"]) {
  test(`a message of ${JSON.stringify(unit)}, as long as can be, has every vendor's form`, () => longFits(unit));
}
