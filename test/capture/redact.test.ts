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

describe("names within names and texts", () => {
  it("masks long names that hold a secret themselves", () => {
    const secret = SECRETS[0]!.secret;
    assert.deepEqual(redactor.name(secret), { shown: REDACTED, secret: false });
    assert.deepEqual(redactor.name("temperature"), { shown: "temperature", secret: false });
    assert.deepEqual(redactor.name("apiKey"), { shown: "apiKey", secret: true });
  });

  it("forgets names when there are too many to remember", () => {
    const fresh = createRedactor();
    for (let i = 0; i < 5_000; i++) fresh.name(`name${i}`);
    assert.equal(fresh.name("password").secret, true);
  });

  it("keeps JSON inside a text parseable", () => {
    const masked = redactor.text('{"api_key":123,"token":"a","password":{"old":1},"n":1}');
    assert.deepEqual(JSON.parse(masked), { api_key: REDACTED, token: REDACTED, password: REDACTED, n: 1 });
  });

  it("keeps what surrounds a secret", () => {
    assert.equal(redactor.text("postgres://app:pw@db:5432/x"), `postgres://app:${REDACTED}@db:5432/x`);
    assert.equal(redactor.text("see https://a.example/?key=abc&v=3."), `see https://a.example/?key=${REDACTED}&v=3.`);
    assert.equal(redactor.text("use Bearer abcdefgh12345678, then"), `use Bearer ${REDACTED}, then`);
    assert.equal(redactor.text('{"log":"pwd: abc\\nnext"}'), `{"log":"pwd: ${REDACTED}\\nnext"}`);
    assert.equal(redactor.text('curl -H "X-Api-Key: abc" -X GET'), `curl -H "X-Api-Key: ${REDACTED}" -X GET`);
  });

  it("masks each of several secrets", () => {
    const all = SECRETS.map(({ text }) => text).join("\n");
    const masked = redactor.text(all);
    for (const { secret, shape } of SECRETS) assert.ok(!masked.includes(secret), shape);
  });
});

describe("the user's own masking", () => {
  it("takes names as words and as expressions", () => {
    const own = createRedactor({ keys: ["customer id", /^x-tenant/g, "id7"] });
    for (const name of [
      "customerId",
      "customer_id",
      "X-Customer-ID",
      "theCustomerIdHash",
      "x-tenant-key",
      "x-tenant",
      "id7",
    ]) {
      assert.equal(own.key(name), true, name);
    }
    for (const name of ["customer", "id", "tenant", "customers_id"]) assert.equal(own.key(name), false, name);
    assert.equal(own.key("password"), true);
  });

  it("finds its names in texts", () => {
    const own = createRedactor({ keys: ["ssn", "Kennwort"] });
    assert.equal(own.text('{"ssn":"078-05-1120"} kennwort=abc1'), `{"ssn":"${REDACTED}"} kennwort=${REDACTED}`);
    assert.equal(own.text("assn: 12"), "assn: 12");
  });

  it("runs its function after the built-in rules", () => {
    const seen: string[] = [];
    const own = createRedactor({
      text: (text) => {
        seen.push(text);
        return text.replaceAll("bob@example.com", "[mail]");
      },
    });
    assert.equal(own.text("password=abc for bob@example.com"), `password=${REDACTED} for [mail]`);
    assert.deepEqual(seen, [`password=${REDACTED} for bob@example.com`]);
    assert.equal(own.name("bob@example.com").shown, "[mail]");
  });

  const failing: [string, (text: string) => any][] = [
    [
      "throws",
      () => {
        throw new Error("no");
      },
    ],
    [
      "throws null",
      () => {
        throw null;
      },
    ],
    ["returns undefined", () => undefined],
    ["returns a String object", (text) => new String(text)],
    ["returns a promise", async (text) => text],
    [
      "returns a promise that rejects",
      async () => {
        throw new Error("unhandled, if nobody looks");
      },
    ],
  ];
  for (const [what, text] of failing) {
    it(`fails closed when it ${what}`, () => assert.equal(createRedactor({ text }).text("abc"), REDACTION_FAILED));
  }
});
