import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import { createCapture } from "../../src/capture/capture.ts";
import { createRedactor, type PersonalData } from "../../src/capture/redact.ts";

const all = createRedactor({ pii: true });

/** What each kind finds: the text around it stays. Numbers are those that are reserved for examples. */
const FOUND: { readonly [kind in PersonalData]: readonly string[] } = {
  email: [
    "bob@example.com",
    "bob.o'neil+tag@mail.example.co.uk",
    "BOB_99@EXAMPLE.ORG",
    "jürgen@bücher.example",
    "用户@例子.中国",
    "a@b.co",
    "bob%40example.com",
    "bob@xn--bcher-kva.xn--p1ai",
  ],
  phone: [
    "+49 30 901820",
    "+49 (0)30 901820-12",
    "+4915112345678",
    "+1 (212) 555-0123",
    "+1-212-555-0123",
    "+33 1 23 45 67 89",
    "+44 20 7946 0958",
    "+91 98765 43210",
    "(212) 555-0123",
    "212-555-0123",
    "212.555.0123",
    "1-212-555-0123",
    "030 901820-0",
    "030/901 820",
    "(030) 901820-1",
    "0171-1234567",
    "0171/123 45 67",
    "01 23 45 67 89",
    "01.23.45.67.89",
    "020 7946 0958",
    "0412 345 678",
    "(11) 98765-4321",
    "0049 30 901820",
  ],
  card: [
    "4111 1111 1111 1111",
    "4111-1111-1111-1111",
    "4111111111111111",
    "5555 5555 5555 4444",
    "2223 0031 2200 3222",
    "3782 822463 10005",
    "378282246310005",
    "3056 930902 5904",
    "6011000990139424",
    "4222222222222",
  ],
  iban: [
    "DE89 3704 0044 0532 0130 00",
    "DE89370400440532013000",
    "de89370400440532013000",
    "GB29 NWBK 6016 1331 9268 19",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NO93 8601 1117 947",
    "MT84MALT011000012345MTLCAST001S",
  ],
  ip: [
    "203.0.113.7",
    "192.168.1.254",
    "2001:db8::7",
    "2001:0db8:0000:0000:0000:ff00:0042:8329",
    "fe80::1ff:fe23:4567:890a",
    "::ffff:203.0.113.7",
    "64:ff9b::203.0.113.7",
  ],
};

/** What looks like it and is none. */
const SPARED: readonly string[] = [
  "@observe() @scope/package user@host react@18.2.0 a@b.c @ foo@ me@127",
  "2026-11-21T10:20:30.123Z 2026-11-21 10:20:30 21.11.2026 11/21/2026 01-02-2024 10:30:11 01/02/2024",
  "1700000000 1700000000000 1700000000000000 1700000000000000000",
  "550e8400-e29b-41d4-a716-446655440000 run_4111111111111111 asst_0171123456789 a1b2-4111111111111111",
  "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
  "4111111111111112 4111 1111 1111 1112 1234567890123452 0000000000000000 4444444444444444",
  "0.1234567890 3.14159265358979 12,345,678,901 -273.15 1e+12345678 0x4111111111111111",
  "12345678 123456789 1234567890 00123456789 5551234",
  "DE12345 DE88 3704 0044 0532 0130 00 AB12 3456 7890 1234 DE89370400440532013000X",
  "1.2.3 v1.2.3.4 1.2.3.4.5 256.1.1.1 01.2.3.4 Chrome/120.0.0.0 10.15.7",
  "10:20:30 00:1a:2b:3c:4d:5e a::b std::vector ::1 f(a::b::c) 1:2:3:4",
  "tokens: 1200/4000, 16 000 000, 3 x 4 = 12, (2024), f(12345), [1, 2, 3, 4, 5, 6, 7, 8, 9]",
  "+1 point, +100, +01:00, C++11, 5 + 12345",
  "gpt-4o-2024-11-20 claude-3-5-sonnet-20241022 text-embedding-3-large",
];

describe("P19 personal data by kind", () => {
  for (const kind of Object.keys(FOUND) as PersonalData[]) {
    const one = createRedactor({ pii: [kind] });
    for (const text of FOUND[kind]) {
      it(`P19 ${kind} ${text}`, () => {
        for (const redactor of [one, all]) {
          assert.equal(redactor.text(text), `[${kind}]`);
          assert.equal(redactor.text(`to <${text}>, today`), `to <[${kind}]>, today`);
          assert.equal(redactor.text(`{"v":"${text}"}`), `{"v":"[${kind}]"}`);
          assert.equal(redactor.text(`${text}, ${text}\n${text}.`), `[${kind}], [${kind}]\n[${kind}].`);
          assert.equal(redactor.text(`[${kind}]`), `[${kind}]`);
        }
        assert.equal(createRedactor().text(text), text, "nothing of it without being asked");
      });
    }
  }
});

describe("P19 what is no personal data stays", () => {
  for (const text of SPARED) it(text.slice(0, 70), () => assert.equal(all.text(text), text));

  it("neither do kinds find what others are for", () => {
    const mail = createRedactor({ pii: ["email"] });
    assert.equal(mail.text("bob@example.com 203.0.113.7 +49 30 901820"), "[email] 203.0.113.7 +49 30 901820");
    assert.equal(createRedactor({ pii: [] }).text("bob@example.com"), "bob@example.com");
    assert.equal(createRedactor({ pii: false }).text("bob@example.com"), "bob@example.com");
  });
});

test("P19 e-mail at the limits of its parts", () => {
  assert.equal(all.text("..bob@example.com."), "..[email].");
  assert.equal(all.text(`${"x".repeat(100)}@example.com`), `${"x".repeat(36)}[email]`);
  assert.equal(all.text("postgres://app:pw@db.example.com/x"), "postgres://app:[redacted]@db.example.com/x");
  assert.equal(all.text("a@b.co,c@d.co;<e@f.co>"), "[email],[email];<[email]>");
});

test("P19 lists without blanks", () => {
  assert.equal(all.text("203.0.113.7,203.0.113.8"), "[ip],[ip]");
  assert.equal(all.text("4111111111111111,5555555555554444"), "[card],[card]");
  assert.equal(all.text("+4915112345678,+4915112345679"), "[phone],[phone]");
  assert.equal(all.text("4111 1111 1111 1111 12/25 123"), "[card] 12/25 123");
});

test("P19 in copies: values, names of properties, and card numbers that are numbers", () => {
  const capture = createCapture({ mask: { pii: true } });
  const value = {
    "bob@example.com": 1,
    list: ["203.0.113.7"],
    card: 4111111111111111,
    at: 1700000000000,
    n: 4111111111111112,
  };
  assert.deepEqual(capture.value(value, "input").value, {
    "[email]": 1,
    list: ["[ip]"],
    card: "[card]",
    at: 1700000000000,
    n: 4111111111111112,
  });
  const without = createCapture({ mask: { pii: ["email", "phone"] } });
  assert.deepEqual(without.value([4111111111111111], "input").value, [4111111111111111]);
});

test("P19 secrets and the user's own function still run", () => {
  const own = createRedactor({ pii: ["email"], text: (text) => text.replaceAll("Bob", "[name]") });
  assert.equal(own.text("Bob <bob@example.com> password=abc"), "[name] <[email]> password=[redacted]");
});
