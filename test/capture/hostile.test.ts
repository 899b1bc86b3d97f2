import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { createCapture } from "../../src/capture/capture.ts";
import { LIMITS } from "../../src/capture/limits.ts";
import { createRedactor } from "../../src/capture/redact.ts";
import { type Snapshot, snapshot } from "../../src/capture/snapshot.ts";
import type { Json } from "../../src/core/record.ts";

const redactor = createRedactor();

/** What a string that is cut may cost: it is read twice, once with the margins. */
const ONE_CUT = 2 * LIMITS.string + 2 * LIMITS.margin + 10;

/** No capture may cost more: every character cut, all values, all names of one object. */
const MOST_WORK = 5 * ONE_CUT + LIMITS.nodes + LIMITS.names;

function take(value: unknown): Snapshot {
  const taken = snapshot(value, "input", LIMITS, redactor);
  assert.deepEqual(JSON.parse(JSON.stringify(taken.value)), taken.value);
  return taken;
}

function nested(levels: number): unknown {
  let value: unknown = "bottom";
  for (let i = 0; i < levels; i++) value = i % 2 === 0 ? { down: value } : [value];
  return value;
}

/** `levels + 1` objects with 2^levels paths. */
function graph(levels: number): unknown {
  let value: unknown = { leaf: 1 };
  for (let i = 0; i < levels; i++) value = { left: value, right: value };
  return value;
}

function wide(count: number): Record<string, number> {
  const value: Record<string, number> = {};
  for (let i = 0; i < count; i++) value[`key${i}`] = i;
  return value;
}

describe("work is bounded", () => {
  const million = Array.from({ length: 1_000_000 }, (_, i) => i);
  const giant = Array.from({ length: 500 }, () => "some words of a giant text. ".repeat(4_000)).join("");
  const long = giant.slice(0, LIMITS.read);
  const values: readonly [what: string, make: () => unknown, work: number][] = [
    ["100,000 levels", () => nested(100_000), 100],
    ["a graph of 2^22 paths", () => graph(22), 2 * LIMITS.nodes],
    ["a graph of 2^1000 paths", () => graph(1_000), 2 * LIMITS.nodes],
    ["a string of 50 MB", () => giant, 50],
    ["a string of 8 MB", () => long, ONE_CUT],
    ["1,000 strings of 8 MB", () => new Array(1_000).fill(long), MOST_WORK],
    ["a Buffer of 2 MB", () => Buffer.alloc(2_000_000), 10],
    ["an array of a million", () => million, 2 * LIMITS.entries],
    ["an array of 2^32 - 1 holes", () => new Array(2 ** 32 - 1), 2 * LIMITS.entries],
    ["a Map of a million", () => new Map(million.map((n) => [n, n])), 4 * LIMITS.entries],
    ["a Set of a million", () => new Set(million), 2 * LIMITS.entries],
    ["an object of 200,000 names", () => wide(200_000), 200_000 + 10 * LIMITS.entries],
    ["1,000 times an object of 60,000 names", () => new Array(1_000).fill(wide(60_000)), 60_000 + 2 * LIMITS.nodes],
    ["a table of 1,000 × 1,000", () => million.slice(0, 1_000).map(() => million.slice(0, 1_000)), 3 * LIMITS.nodes],
    ["a million bits of BigInt", () => [2n ** 1_000_000n, -(2n ** 1_000_000n)], 10],
    ["a name of 10 MB", () => ({ ["n".repeat(10_000_000)]: 1 }), 6 * LIMITS.name],
    [
      "10,000 long names that look like secrets",
      () => {
        const row = (n: number): object =>
          Object.fromEntries(Array.from({ length: 900 }, (_, i) => [`${'api_key="'.repeat(25)}${n}_${i}`, 1]));
        return Array.from({ length: 10 }, (_, n) => row(n));
      },
      MOST_WORK + 32 * LIMITS.nodes,
    ],
    ["a symbol of 10 MB", () => Symbol("s".repeat(10_000_000)), ONE_CUT],
    ["1 MB of api_key.", () => "api_key.".repeat(131_072), ONE_CUT],
    [
      "a Map with containers as names",
      () => new Map(million.slice(0, 2_000).map((n) => [{ n }, [{ n }]])),
      4 * LIMITS.nodes,
    ],
  ];
  for (const [what, make, work] of values) {
    it(what, () => {
      const taken = take(make());
      assert.ok(taken.work <= work, `${taken.work} steps`);
      assert.ok(taken.work <= MOST_WORK + 32 * LIMITS.nodes);
      assert.ok(JSON.stringify(taken.value).length < 1_048_576);
      assert.ok((taken.cuts?.length ?? 0) <= LIMITS.cuts);
    });
  }

  it("lists no further names when one object had very many", () => {
    const copy = take([wide(150_000), { a: 1 }, [1]]).value as Json[];
    assert.equal(Object.keys(copy[0]!).length, LIMITS.entries + 1);
    assert.deepEqual(copy.slice(1), [{ "…": "[cut entries]" }, [1]]);
  });

  it("is counted in full", () => {
    assert.equal(take("abc").work, 1 + 3);
    assert.equal(take([["abc"], { name: 1 }]).work, 1 + 2 + 1 + 1 + 3 + 1);
    assert.ok(take(long).work > 2 * LIMITS.string);
  });

  it("reads no more of 8 MB than it keeps and the margins, masked or not", () => {
    const before = redactor.steps;
    take("password=abc ".repeat(600_000));
    assert.ok(redactor.steps - before < 4 * ONE_CUT);
  });

  it("does not read a string of 50 MB, and says its size", () => {
    const before = redactor.steps;
    const { value, cuts } = take({ text: giant });
    assert.deepEqual(value, { text: "[cut 56,000,000 characters]" });
    assert.deepEqual(cuts, [{ path: "input.text", reason: "string", size: 56_000_000 }]);
    assert.ok(redactor.steps - before < 10);
  });
});

describe("what was cut is said", () => {
  const tiny = { ...LIMITS, depth: 3, entries: 4, nodes: 12, string: 40, tail: 10, characters: 110, margin: 20 };
  const small = (value: unknown, limits: Partial<typeof LIMITS> = {}): Snapshot =>
    snapshot(value, "input", { ...tiny, nodes: 1_000, ...limits }, undefined);

  it("depth, with the length of an array", () => {
    const { value, cuts } = small({ a: { b: { c: { d: 1 }, e: [1, 2] } } });
    assert.deepEqual(value, { a: { b: { c: "[cut object]", e: "[cut array of 2]" } } });
    assert.deepEqual(cuts, [
      { path: "input.a.b.c", reason: "depth" },
      { path: "input.a.b.e", reason: "depth", size: 2 },
    ]);
  });

  it("entries of arrays, objects, Maps and Sets", () => {
    const list = [1, 2, 3, 4, 5, 6];
    const { value, cuts } = small({ list, map: new Map(list.map((n) => [n, n])), set: new Set(list), o: { ...list } });
    const rest = "[cut 2 of 6 entries]";
    assert.deepEqual(value, {
      list: [1, 2, 3, 4, rest],
      map: { $type: "Map", entries: [[1, 1], [2, 2], [3, 3], [4, 4], rest] },
      set: { $type: "Set", values: [1, 2, 3, 4, rest] },
      o: { 0: 1, 1: 2, 2: 3, 3: 4, "…": rest },
    });
    assert.deepEqual(
      cuts,
      ["list", "map", "set", "o"].map((name) => ({ path: `input.${name}`, reason: "entries", size: 6 })),
    );
  });

  it("nodes, spent on the upper levels first", () => {
    const { value, cuts } = small([[1, 2, 3], [1, 2, 3], { a: 1 }, [{ b: 1 }]], { nodes: 9 });
    assert.deepEqual(value, [
      [1, 2, 3],
      [1, "[cut 2 of 3 entries]"],
      { "…": "[cut entries]" },
      ["[cut 1 of 1 entries]"],
    ]);
    assert.deepEqual(cuts, [
      { path: "input[1]", reason: "nodes", size: 3 },
      { path: "input[2]", reason: "nodes" },
      { path: "input[3]", reason: "nodes", size: 1 },
    ]);
  });

  it("strings, with head, tail and length", () => {
    const { value, cuts } = small([`${"a".repeat(1_000)} the end`]);
    assert.deepEqual(value, [`${"a".repeat(30)}…[cut 1,008 characters to 40]…aa the end`]);
    assert.deepEqual(cuts, [{ path: "input[0]", reason: "string", size: 1_008 }]);
  });

  it("all strings together, the short ones kept", () => {
    const text = "word ".repeat(10);
    const { value, cuts } = small({ a: text.trim().slice(0, 39), b: text, c: text, d: "short" }, { margin: 0 });
    const { a, b, c, d } = value as Record<string, string>;
    assert.equal(a, text.slice(0, 39));
    assert.ok(b!.includes("…[cut 50 characters to 40]…"));
    assert.equal(c, "[cut 50 characters]");
    assert.equal(d, "short");
    assert.deepEqual(cuts, [
      { path: "input.b", reason: "string", size: 50 },
      { path: "input.c", reason: "bytes", size: 50 },
    ]);
  });

  it("binary content and data URIs", () => {
    const uri = `data:image/png;base64,${"iVBORw0K".repeat(1_000)}`;
    const taken = take({
      file: new Uint8Array(7),
      uri,
      html: `<img src="${uri}"> and more`,
      icon: "data:image/png;base64,iVBORw0K",
    });
    assert.deepEqual(taken.value, {
      file: { $type: "Buffer", bytes: 7 },
      uri: "data:image/png;base64,[cut 8,000 characters]",
      html: '<img src="data:image/png;base64,[cut 8,000 characters]"> and more',
      icon: "data:image/png;base64,iVBORw0K",
    });
    assert.deepEqual(taken.cuts, [
      { path: "input.file", reason: "bytes", size: 7 },
      { path: "input.uri", reason: "bytes", size: 6_016 },
      { path: "input.html", reason: "string", size: uri.length + 21 },
    ]);
  });

  it("names", () => {
    const long = "n".repeat(1_000);
    const { value, cuts } = take({ [`${long}1`]: 1, [`${long}2`]: 2 });
    const names = Object.keys(value as object);
    assert.equal(names.length, 2);
    assert.ok(names[0]!.includes("…[cut 1,001 characters to 256]…"));
    assert.deepEqual(Object.values(value as object), [1, 2]);
    assert.deepEqual(
      cuts?.map(({ reason, size }) => ({ reason, size })),
      [
        { reason: "string", size: 1_001 },
        { reason: "string", size: 1_001 },
      ],
    );
  });

  it("no more cuts than the limit, all of them marked in the copy", () => {
    const { value, cuts } = take(Array.from({ length: 100 }, () => Buffer.alloc(1)));
    assert.equal(cuts?.length, LIMITS.cuts);
    assert.equal((value as Json[]).length, 100);
  });

  it("nothing when nothing was", () => assert.equal("cuts" in take({ a: [1, "x"] }), false));

  it("counts the bytes that stay on the heap", () => {
    assert.ok(take("x".repeat(1_000)).bytes >= 1_000);
    assert.ok(take(Buffer.alloc(1_000_000)).bytes < 1_000);
    assert.ok(take(new Array(500).fill({})).bytes >= 500 * 64);
  });
});

describe("cut strings", () => {
  const capture = createCapture();
  const long = (front: string, back: string): string => {
    const filling = "lorem ipsum, ".repeat(20_000);
    return capture.value(front + filling + back, "input").value as string;
  };

  it("keeps 48 KiB of the start and 16 KiB of the end", () => {
    const text = long("START ", " END");
    const [head, tail] = text.split(/…\[cut 260,010 characters to 65,536\]…/);
    assert.equal(head!.length, 48 * 1024);
    assert.equal(tail!.length, 16 * 1024);
    assert.ok(head!.startsWith("START lorem") && tail!.endsWith("ipsum,  END"));
  });

  it("splits no surrogate pair", () => {
    for (const [before, after] of [
      ["", ""],
      ["x", ""],
      ["", "x"],
      ["x", "x"],
    ] as const) {
      const text = capture.value(before + "🙂".repeat(100_000) + after, "input").value as string;
      assert.doesNotMatch(text, /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/);
      assert.ok(text.length > 65_000);
    }
  });

  // Many places of a secret of some 2,000 characters around both cuts.
  const token = `sk-${"Ab1".repeat(660)}`;
  const jwt = `eyJhbGciOiJIUzI1NiJ9.${"eyJzdWIiOjF9".repeat(100)}.${"sIg9".repeat(100)}`;
  const pem = `-----BEGIN RSA PRIVATE KEY-----\n${"MIIEowIBAAKCAQEAx7/Qz+9\n".repeat(80)}-----END RSA PRIVATE KEY-----`;
  for (const [what, secret, sign] of [
    ["token", token, "Ab1Ab1"],
    ["JSON Web Token", jwt, "eyJzdWIiOjF9"],
    ["PEM block", pem, "MIIEowIB"],
    ["assigned value", `{"password":"${"correct horse ".repeat(140)}"}`, "horse"],
  ] as const) {
    it(`shows no half of a ${what}`, () => {
      for (let at = -2_500; at <= 500; at += 97) {
        const head = LIMITS.string - LIMITS.tail;
        const words = "word ".repeat(60_000);
        for (const start of [
          head + at,
          words.length - LIMITS.tail + at,
          words.length - LIMITS.tail - LIMITS.margin + at,
        ]) {
          const text = capture.text(`${words.slice(0, start)} ${secret} ${words.slice(start + secret.length + 2)}`);
          assert.ok(text.includes("[cut 300,000 characters"), "cut");
          assert.ok(!text.includes(sign), `${what} at ${start}`);
        }
      }
    });
  }

  it("keeps nothing of the long string alive", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const kept: unknown[] = [];
    collect();
    const before = process.memoryUsage().heapUsed;
    // In a function of its own, whose registers are gone when the memory is counted.
    const keep = (filling: string): void => {
      kept.push(capture.value({ body: filling.repeat(2_000_000) }, "input"));
      kept.push(capture.value(`data:image/png;base64,${filling.repeat(2_000_000)}`, "input"));
    };
    for (const filling of ["many words ", "password=abc ", "iVBORw0K"]) keep(filling);
    collect();
    const grown = process.memoryUsage().heapUsed - before;
    assert.equal(kept.length, 6);
    assert.ok(grown < 5_000_000, `${grown} bytes kept`);
  });
});

describe("masking in the walk", () => {
  const capture = createCapture();

  it("replaces what stands under a secret name, whatever it is", () => {
    const secrets = { password: "x", apiKey: 1, token: null, secret: { a: [1] }, cookie: ["a"], accessToken: () => 1 };
    const copy = capture.value({ ...secrets, tokens: 3, keep: "x" }, "input").value;
    const masked = Object.fromEntries(Object.keys(secrets).map((name) => [name, "[redacted]"]));
    assert.deepEqual(copy, { ...masked, tokens: 3, keep: "x" });
  });

  it("leaves the tokens of logprobs", () => {
    const logprob = { token: "Hello", logprob: -0.1, top_logprobs: [{ token: "Hi", logprob: -2 }] };
    assert.deepEqual(capture.value(logprob, "output").value, logprob);
  });

  it("asks no getter and enters no value under a secret name", () => {
    let asked = 0;
    const value = {
      get password() {
        return asked++;
      },
      secret: { toJSON: () => asked++ },
      token: undefined,
    };
    assert.deepEqual(capture.value(value, "input").value, { password: "[redacted]", secret: "[redacted]" });
    assert.equal(asked, 0);
  });

  it("reaches Map values, Map names, object names, Error messages, URLs, RegExps, functions and symbols", () => {
    const key = `sk-${"Ab1".repeat(16)}`;
    const error = new Error(`401 for ${key}`, { cause: new Error(`Bearer ${key}`) });
    const named = { [key]: () => 1 }[key];
    const value = {
      map: new Map<unknown, unknown>([
        ["api_key", { deep: "plain value" }],
        [key, 1],
        [{ password: key }, [key]],
      ]),
      set: new Set([key]),
      error,
      aggregate: new AggregateError([error]),
      url: new URL(`https://user:${key}@example.com/?key=${key}`),
      regexp: new RegExp(key),
      named,
      symbol: Symbol(key),
      boxed: Object(key),
      json: { toJSON: () => ({ note: key, client_secret: "plain value" }) },
      [key]: 1,
      [`x-${key}`]: 2,
      header: ["Authorization: Bearer plain-value-1"],
    };
    const text = JSON.stringify(capture.value(value, "input"));
    assert.ok(!text.includes("Ab1Ab1"), text);
    assert.ok(!text.includes("plain"), text);
  });

  it("keeps entries apart whose names were masked", () => {
    const names = ["a", "b", "c"].map((end) => `sk-${"Ab1".repeat(16)}${end}`);
    const copy = capture.value(Object.fromEntries(names.map((name, i) => [name, i])), "input").value;
    assert.deepEqual(Object.values(copy as object), [0, 1, 2]);
  });

  it("fails closed and says so", () => {
    const failing = createCapture({
      mask: {
        text: (text) => {
          if (text.includes("bad")) throw new Error("no");
          return text;
        },
      },
    });
    const { value, cuts } = failing.value({ a: "bad", b: "good", c: [`${"bad ".repeat(1_000)}`], bad: 1 }, "input");
    assert.deepEqual(value, { a: "[redaction failed]", b: "good", c: ["[redaction failed]"], "[redaction failed]": 1 });
    assert.deepEqual(cuts, [
      { path: "input.a", reason: "redaction_failed" },
      { path: "input.[redaction failed]", reason: "redaction_failed" },
      { path: "input.c[0]", reason: "redaction_failed" },
    ]);
    assert.equal(failing.text("bad"), "[redaction failed]");
  });

  it("shows nothing of a long text whose masking failed", () => {
    const failing = createCapture({
      mask: {
        text: () => {
          throw new Error("no");
        },
      },
    });
    const { value } = failing.value("some words ".repeat(20_000), "input");
    assert.equal((value as string).replaceAll("[redaction failed]", ""), "…[cut 220,000 characters to 65,536]…");
  });

  it("can be turned off", () => {
    const open = createCapture({ mask: false });
    assert.deepEqual(open.value({ password: "x", text: "token=abcdef" }, "input").value, {
      password: "x",
      text: "token=abcdef",
    });
    assert.equal(open.text("token=abcdef"), "token=abcdef");
  });

  it("takes limits of its own", () => {
    const short = createCapture({ limits: { entries: 2 } });
    assert.deepEqual(short.value([1, 2, 3], "input").value, [1, 2, "[cut 1 of 3 entries]"]);
  });

  it("bounds and masks single texts", () => {
    assert.equal(capture.text("password=hunter2 and more"), "password=[redacted] and more");
    assert.ok(capture.text("words ".repeat(50_000)).length < 66_000);
  });
});
