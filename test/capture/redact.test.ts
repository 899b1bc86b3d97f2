import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { createRedactor, REDACTED, REDACTION_FAILED } from "../../src/capture/redact.ts";
import { INNOCENT, INNOCENT_NAMES, SECRET_NAMES, SECRETS } from "./corpus.ts";

const redactor = createRedactor();

describe("secret shapes", () => {
  for (const { shape, text, secret } of SECRETS) {
    it(shape, () => {
      const masked = redactor.text(text);
      assert.ok(text.includes(secret), "the corpus plants its secret");
      assert.ok(!masked.includes(secret), masked);
      assert.ok(masked.includes(REDACTED), masked);
      assert.equal(redactor.text(masked), masked, "masking twice changes nothing");
    });
  }
});
describe("look-alikes", () => {
  for (const text of INNOCENT) it(text.slice(0, 60), () => assert.equal(redactor.text(text), text));
});
describe("names", () => {
  for (const name of SECRET_NAMES) it(`${name} is secret`, () => assert.equal(redactor.key(name), true));
  for (const name of INNOCENT_NAMES) it(`${name} is not`, () => assert.equal(redactor.key(name), false));
});
