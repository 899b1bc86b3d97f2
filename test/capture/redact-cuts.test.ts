import assert from "node:assert/strict";
import { describe, it, type TestContext, test } from "node:test";
import { createCapture } from "../../src/capture/capture.ts";
import { LIMITS } from "../../src/capture/limits.ts";
import { SECRETS } from "./corpus.ts";

const capture = createCapture();
const head = LIMITS.string - LIMITS.tail;

/** A text of words with `planted` so that `offset` characters of it lie before the cut of the head, or of the tail. */
function across(side: "head" | "tail", planted: string, offset: number): string {
  const words = (length: number) => "many words ".repeat(Math.ceil(length / 11)).slice(0, Math.max(0, length));
  if (side === "head") return `${words(head - offset - 1)} ${planted}${words(200_000)}`;
  const after = LIMITS.tail - (planted.length - offset);
  return `${words(200_000)} ${planted}${after > 0 ? ` ${words(after - 1)}` : ""}`;
}

/** Of a secret that is cut, no piece of so many characters may be seen. */
const PIECE = 12;

function leaks(shown: string, secret: string): boolean {
  for (let at = 0; at + PIECE <= secret.length; at += 4) if (shown.includes(secret.slice(at, at + PIECE))) return true;
  return false;
}

test("P19 secrets across the cuts of a long text, at every fifth of their length", (t: TestContext) => {
  const found: string[] = [];
  let texts = 0;
  for (const { shape, text, secret } of SECRETS) {
    if (text.length > LIMITS.margin || secret.length < PIECE || secret.startsWith("many words")) continue;
    for (const side of ["head", "tail"] as const) {
      for (let fifth = 1; fifth < 5; fifth++) {
        const offset = text.indexOf(secret) + Math.ceil((secret.length * fifth) / 5);
        const shown = capture.text(across(side, text, offset));
        assert.ok(shown.length <= LIMITS.string + 100);
        if (leaks(shown, secret)) found.push(`${shape}, ${side}, ${fifth}/5`);
        texts++;
      }
    }
  }
  assert.deepEqual(found, []);
  t.diagnostic(`figure: ${texts} secrets across a cut, ${found.length} pieces seen`);
});

describe("P19 secrets longer than the margin that is read beyond a cut", () => {
  const letters = Array.from(
    { length: 40_000 },
    (_, i) => "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYz"[(i * 7 + (i >> 5)) % 33],
  ).join("");
  const lines = letters.replace(/.{64}/g, "$&\n");
  const long: Record<string, string> = {
    "a token": `sk-${letters}`,
    "a web token": `eyJhbGciOiJIUzI1NiJ9.${letters}.${letters.slice(0, 43)}`,
    "a private key": `-----BEGIN RSA PRIVATE KEY-----\n${lines}\n-----END RSA PRIVATE KEY-----`,
    "a private key in JSON": JSON.stringify(`-----BEGIN RSA PRIVATE KEY-----\n${lines}\n-----END RSA PRIVATE KEY-----`),
    "a quoted value": `{"api_key":"${letters}"}`,
    "a parameter": `https://h.example/?sig=${letters}&v=1`,
    "a bearer token": `Authorization: Bearer ${letters}\n`,
  };
  for (const [what, text] of Object.entries(long)) {
    for (const side of ["head", "tail"] as const) {
      for (const share of [0.1, 0.5, 0.9]) {
        it(`P19 ${what}, ${share} of it before the cut of the ${side}`, () => {
          const shown = capture.text(across(side, text, Math.floor(text.length * share)));
          assert.ok(!leaks(shown, letters) && !leaks(shown, lines), shown.slice(0, 100));
          assert.match(shown, /many words/, "what is around it stays");
        });
      }
    }
  }

  it("P19 texts without blanks that are no secret keep their end", () => {
    for (const unit of ["x", "word,", "字"]) {
      const shown = capture.text(unit.repeat(200_000 / unit.length));
      assert.ok(shown.endsWith(unit.repeat(1_000)), unit);
    }
  });
});

test("P19 a cookie line of the largest header block", () => {
  const cookies = Array.from({ length: 400 }, (_, i) => `name${i}=secretValue${i}x`)
    .join("; ")
    .slice(0, 15_000);
  for (const side of ["head", "tail"] as const) {
    const shown = capture.text(across(side, `\nCookie: ${cookies}\n`, 7_000));
    assert.ok(!leaks(shown, cookies), side);
  }
});
