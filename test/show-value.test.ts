import assert from "node:assert/strict";
import { test } from "node:test";
import { showValue } from "../src/core/show-value.ts";
import { budgets, incidents, logSink, metrics, quality, stateFile } from "../src/monitors/index.ts";

const clean = (fn: () => unknown): string => {
  try {
    fn();
  } catch (error) {
    return (error as Error).message;
  }
  return "nothing was thrown";
};

test("a wrong value is shown short and JSON-like, whatever it is", () => {
  const cases: [unknown, string][] = [
    [Number.NaN, "NaN"],
    [-5, "-5"],
    [10n, "10n"],
    ["", '""'],
    ["a\nb", '"a\\nb"'],
    [null, "null"],
    [undefined, "undefined"],
    [[1, "b"], '[1, "b"]'],
    [{ featur: "x", n: { m: { o: 1 } } }, '{ featur: "x", n: { m: { … } } }'],
    [{}, "{}"],
    [() => 1, "a function"],
    [new Map(), "an object of class Map"],
    ["x".repeat(500), `"${"x".repeat(58)}…`],
    [
      {
        get bad() {
          throw new Error("x");
        },
      },
      "a value of type object",
    ],
  ];
  for (const [value, shown] of cases) assert.equal(showValue(value), shown);
  const loop: unknown[] = [];
  loop.push(loop);
  assert.equal(showValue(loop), "[[[…]]]");
});

test("what is secret is not shown, by the option's name or by that of a part", () => {
  const secret = "abc-secret";
  for (const name of ["routingKey", "token", "password", "headers", "url", "webhookUrl", "secret"]) {
    for (const value of [secret, [secret], { a: secret }]) assert.doesNotMatch(showValue(value, name), /abc/);
    assert.doesNotMatch(showValue({ [name]: secret }), /abc/);
  }
  assert.equal(showValue(Number.NaN, "tokensPerMinute"), "NaN");
});

test("the errors of monitors' options say which value they got", () => {
  const any = (value: unknown): any => value;
  const cases: [() => unknown, RegExp][] = [
    [
      () => metrics({ quota: { requestsPerMinute: Number.NaN } }),
      /^metrics\(\{ quota: \{ requestsPerMinute \} \}\) takes a number above zero; it got NaN\.$/,
    ],
    [() => quality({ share: 2 }), /it got 2\.$/],
    [() => quality({ drift: { h: -1 } }), /^quality\(\{ drift: \{ h \} \}\).*it got -1\.$/],
    [() => incidents({ cooldownMs: Number.NaN }), /it got NaN\.$/],
    [() => logSink(any({ shape: "round" })), /it got "round"\.$/],
    [() => logSink(any({ levels: 3 })), /it got 3\.$/],
    [() => stateFile(""), /it got ""\.$/],
    [
      () => budgets({ limits: [any({ name: "a", usd: 1, per: "day", where: { featur: "x" } })] }),
      /it got \{ featur: "x" \}\.$/,
    ],
  ];
  for (const [fn, message] of cases) assert.match(clean(fn), message);
});
