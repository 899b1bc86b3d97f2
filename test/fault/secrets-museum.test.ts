/** P19: how others have shown secrets, and how our own configuration is asked for them. */
import assert from "node:assert/strict";
import { EventEmitter } from "node:events";
import { test } from "node:test";
import { inspect } from "node:util";
import {
  ConfigError,
  configure,
  encode,
  flush,
  mask,
  memorySink,
  type Options,
  observe,
  type Sink,
  type SpanRecord,
  shutdown,
  startSpan,
  stats,
  updateTrace,
  withSpan,
} from "sightline";
import { httpSink } from "sightline/sinks/http";
import { createRedactor } from "../../src/capture/redact.ts";
import { slot } from "../../src/core/runtime.ts";
import { readEnvironment } from "../../src/environment.ts";
import { assertBooks } from "../support/books.ts";
import { traced } from "../support/traced.ts";

const KEY = `sk-${"proj"}-${"aB3dE5fG7hJ9kL1mN2pQ4rS6"}`;
const OPAQUE = ["an", "opaque", "credential", "97531"].join("-");

function shown(value: unknown): string {
  return inspect(value, { depth: Infinity, showHidden: true, getters: true }) + JSON.stringify(value) + String(value);
}

function assertAbsent(text: string, ...secrets: string[]): void {
  for (const secret of secrets) assert.ok(!text.includes(secret), text.slice(0, 500));
}

// https://github.com/BerriAI/litellm/issues/2114
test("museum litellm#2114 a key among the tags and metadata of a trace", async () => {
  const sink = await traced(() =>
    withSpan("call", () =>
      updateTrace({ tags: ["prod", KEY, `key:${KEY}`], metadata: { user_api_key: OPAQUE, [KEY]: 1 } }),
    ),
  );
  const [record] = sink.records;
  assertAbsent(encode(record!), KEY, OPAQUE);
  assert.deepEqual(record!.trace.tags, ["prod", "[redacted]", "key:[redacted]"]);
});

test("museum litellm#13705 the arguments of a call that is tried again, in the error of the last try", async () => {
  const sink = await traced(async () => {
    const call = observe({ name: "complete" }, async (options: object) => {
      throw Object.assign(new Error(`gave up on ${JSON.stringify(options)}`), { options });
    });
    for (let i = 0; i < 3; i++)
      await call({ model: "gpt-4.1", api_key: OPAQUE, kwargs: { headers: { Authorization: KEY } } }).catch(() => {});
  });
  assert.equal(sink.records.length, 3);
  for (const record of sink.records) assertAbsent(encode(record), KEY, OPAQUE);
});

test("museum braintrust#912 logging a span shows no credential", async () => {
  const seen: string[] = [];
  const sink = httpSink({
    url: `https://user:${OPAQUE}@h.example/${OPAQUE}`,
    headers: { authorization: `Bearer ${KEY}` },
  });
  await traced(
    () => {
      const span = startSpan("logged", { input: { apiKey: OPAQUE, text: KEY } });
      seen.push(shown(span));
      span.update({ output: KEY, metadata: { token: OPAQUE } });
      seen.push(shown(span));
      span.end();
      seen.push(shown(span), shown(slot), shown(sink));
    },
    { userIdKey: `${OPAQUE}${OPAQUE}` },
  );
  assertAbsent(seen.join("\n"), KEY, OPAQUE);
});

test("museum decocms#5628 JobCtrl#41 keys in the query of an address", async () => {
  const address = new URL(`https://maps.h.example/geo?address=x&key=${OPAQUE}&v=3`);
  const sink = await traced(() => {
    withSpan(`GET ${address}`, { attributes: { "url.full": address.href, "url.query": address.search } }, () => {});
    withSpan("URL", { input: address }, () => {});
  });
  for (const record of sink.records) {
    assertAbsent(encode(record), OPAQUE);
    assert.match(encode(record), /address=x&key=\[redacted\]&v=3/);
  }
});

test("museum flusk#67 the authorization header, in every shape that headers have", async () => {
  const value = `Opaque ${OPAQUE}`;
  const shapes = [
    { Authorization: value },
    { "proxy-authorization": [value] },
    [["Authorization", value]],
    ["Accept", "*/*", "authorization", value],
    new Map([["AUTHORIZATION", value]]),
    new Headers({ authorization: value }),
    { rawHeaders: ["Host", "h.example", "Authorization", value] },
    { headers: JSON.stringify({ authorization: value }) },
    { headers: JSON.stringify([["authorization", value]]) },
    `POST / HTTP/1.1\r\nHost: h.example\r\nAuthorization: ${value}\r\n\r\n`,
    `curl -H 'Authorization: ${value}' https://h.example`,
    inspect({ rawHeaders: ["Host", "h.example", "Authorization", value] }),
    inspect(new Map([["authorization", value]])),
  ];
  const sink = await traced(() => {
    for (const headers of shapes) withSpan("request", { input: { headers } }, () => {});
  });
  assert.equal(sink.records.length, shapes.length);
  for (const record of sink.records) assertAbsent(encode(record), OPAQUE);
});

// https://github.com/langfuse/langfuse/issues/17478
test("museum langfuse#17478 credentials in the wrong place are refused without being told", () => {
  const wrong: [string, () => unknown][] = [
    ["keys swapped into the address", () => httpSink({ url: KEY })],
    [
      "a header with a line break",
      () => httpSink({ url: "https://h.example", headers: { authorization: `${KEY}\n` } }),
    ],
    [
      "a header that is a list",
      () => httpSink({ url: "https://h.example", headers: { authorization: [KEY] as never } }),
    ],
    ["an address for sinks", () => configure({ sinks: `https://u:${OPAQUE}@h.example/?key=${KEY}` as never })],
    ["a key for a mask", () => configure({ mask: KEY as never })],
    ["a key as the environment", () => configure({ environment: { [KEY]: OPAQUE } as never })],
    ["a short key for user ids", () => configure({ userIdKey: OPAQUE.slice(0, 15) })],
    ["rules of a mask", () => mask(memorySink(), { keys: [{ [KEY]: OPAQUE }] as never })],
    [
      "a misspelt scheme",
      () => readEnvironment({ SIGHTLINE_SINK: `htps://u:${OPAQUE}@h.example/?token=${KEY}` }, true),
    ],
    ["a key as the sink", () => readEnvironment({ SIGHTLINE_SINK: KEY }, true)],
    [
      "headers without names",
      () => readEnvironment({ SIGHTLINE_SINK: "https://h.example", SIGHTLINE_HEADERS: KEY }, true),
    ],
    ["a key as a rate", () => readEnvironment({ SIGHTLINE_SAMPLE_RATE: KEY }, true)],
  ];
  for (const [what, call] of wrong) {
    assert.throws(
      call,
      (error: Error) => {
        assert.ok(error instanceof ConfigError, what);
        assertAbsent(shown(error) + error.stack, KEY, OPAQUE, OPAQUE.slice(0, 15));
        return true;
      },
      what,
    );
  }
});

// The rule set of langsmith-sdk bc8dd672a takes 11 to 17 s for 8 KB of this.
test("museum langsmith redaction cubic: `api_key.` and BEGIN lines are read once", () => {
  for (const unit of ["api_key.", "-----BEGIN RSA PRIVATE KEY-----\n"]) {
    const steps = [1, 2, 4].map((times) => {
      const redactor = createRedactor();
      redactor.text(unit.repeat(2_000 * times));
      return redactor.steps;
    }) as [number, number, number];
    assert.ok(steps[1] < 2.2 * steps[0] && steps[2] < 2.2 * steps[1], `${unit}: ${steps}`);
  }
});

test("P19 sinks, runtime, stats and results show nothing of what they were configured with", async () => {
  const failing: Sink = {
    name: "failing",
    write: () => Promise.reject(new Error(`401 for Bearer ${KEY} at https://u:${OPAQUE}@h.example`)),
  };
  const sinks = [
    httpSink({ url: `http://u:${OPAQUE}@127.0.0.1:9/?key=${KEY}`, headers: { "x-api-key": OPAQUE } }),
    ...readEnvironment(
      { SIGHTLINE_SINK: "http://127.0.0.1:9/", SIGHTLINE_HEADERS: `authorization=Bearer ${KEY},x-key=${OPAQUE}` },
      true,
    ).sinks,
    mask(failing, { keys: [OPAQUE] }),
  ];
  const options: Options = { sinks, mask: { keys: [OPAQUE] }, userIdKey: OPAQUE };
  configure(options);
  withSpan("a", () => {});
  const result = await flush({ timeoutMs: 300 });
  const seen = [shown(result), shown(stats()), shown(slot), ...sinks.map(shown)];
  assertBooks(stats());
  const last = await shutdown({ timeoutMs: 100 });
  seen.push(shown(last), shown(stats()));
  assert.match(seen.join("\n"), /401 for Bearer \[redacted\]/, "the error itself is told");
  assertAbsent(seen.join("\n"), KEY, OPAQUE);
});

test("P19 credentials go over plain http to this machine only", () => {
  const headers = { authorization: `Bearer ${KEY}` };
  const refused = [
    "http://h.example/",
    "http://localhost.evil.com/",
    "http://127.0.0.1.evil.com/",
    "http://127.0.0.1@evil.com/",
    "http://localhost:80@evil.com/",
    "http://localhost%2eevil.com/",
    "http://evil.com#@localhost/",
    "http://evil.com\\@localhost/",
    "http://xlocalhost/",
    "http://0.0.0.0/",
    "http://0/",
    "http://[::]/",
    "http://[::2]/",
    "http://[::ffff:8.8.8.8]/",
    "http://[fe80::1]/",
    "http://128.0.0.1/",
    "http://10.0.0.1/",
    "http://192.168.1.1/",
    "http://2130706434.example/",
  ];
  for (const url of refused) {
    assert.throws(
      () => httpSink({ url, headers }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, "CONFIG_HTTP_CREDENTIALS", `${url}: ${error.message}`);
        assertAbsent(shown(error), KEY);
        return true;
      },
      url,
    );
  }
  const allowed = [
    "http://localhost/",
    "http://LOCALHOST:4318/",
    "http://localhost./",
    "http://api.localhost/",
    "http://127.0.0.1/",
    "http://127.8.9.10/",
    "http://127.1/",
    "http://2130706433/",
    "http://0x7f.1/",
    "http://[::1]/",
    "http://[0:0:0:0:0:0:0:1]/",
    "https://h.example/",
  ];
  for (const url of allowed) assert.doesNotThrow(() => httpSink({ url, headers }), url);
});

test("P19 mask functions may not reach the caller: sockets and streams among the arguments stay what they are", async () => {
  const socket = Object.assign(new EventEmitter(), { authorization: OPAQUE });
  const sink = await traced(() => observe({ name: "use" }, (value: EventEmitter) => value)(socket));
  assertAbsent(encode(sink.records[0] as SpanRecord), OPAQUE);
  assert.equal(socket.authorization, OPAQUE);
});
