import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { ConfigError } from "sightline";
import { contentModeOf, otlpVariables } from "../../src/sinks/otlp/environment.ts";
import { otlpSink } from "../../src/sinks/otlp/index.ts";
import { sampleScore, sampleSpan } from "../../src/testing/sample-records.ts";
import { otlpServer } from "../support/otlp-server.ts";

const signal = new AbortController().signal;
const P = "OTEL_EXPORTER_OTLP_";

test("without variables nothing is said; empty ones are as none", () => {
  const nothing = {
    endpoint: undefined,
    headers: {},
    protocol: undefined,
    gzip: undefined,
    timeoutMs: undefined,
    insecure: undefined,
  };
  assert.deepEqual(otlpVariables("traces", {}), nothing);
  const empty = ["ENDPOINT", "TRACES_ENDPOINT", "HEADERS", "PROTOCOL", "COMPRESSION", "TIMEOUT", "CERTIFICATE"];
  assert.deepEqual(otlpVariables("traces", Object.fromEntries(empty.map((name) => [P + name, " "]))), nothing);
});

type Read = ReturnType<typeof otlpVariables>;
const TABLE: readonly (readonly [env: { readonly [name: string]: string }, wanted: Partial<Read>])[] = [
  [{ ENDPOINT: "http://c:4318" }, { endpoint: { url: "http://c:4318/v1/traces", from: `${P}ENDPOINT` } }],
  [{ ENDPOINT: "http://c/x/" }, { endpoint: { url: "http://c/x/v1/traces", from: `${P}ENDPOINT` } }],
  [
    { ENDPOINT: "http://c", TRACES_ENDPOINT: "http://t/y" },
    { endpoint: { url: "http://t/y", from: `${P}TRACES_ENDPOINT` } },
  ],
  [
    { LOGS_ENDPOINT: "http://l", ENDPOINT: "http://c" },
    { endpoint: { url: "http://c/v1/traces", from: `${P}ENDPOINT` } },
  ],
  [{ HEADERS: "api-key=a%2Cb,X-Tenant = t " }, { headers: { "api-key": "a,b", "x-tenant": "t" } }],
  [{ HEADERS: "authorization=Basic%20dTpw=" }, { headers: { authorization: "Basic dTpw=" } }],
  [{ HEADERS: "a=1,b=2", TRACES_HEADERS: "B=3", LOGS_HEADERS: "a=9" }, { headers: { a: "1", b: "3" } }],
  [{ PROTOCOL: "http/json" }, { protocol: "http/json" }],
  [{ PROTOCOL: "grpc", TRACES_PROTOCOL: "http/protobuf" }, { protocol: "http/protobuf" }],
  [{ COMPRESSION: "gzip" }, { gzip: true }],
  [{ COMPRESSION: "gzip", TRACES_COMPRESSION: "none" }, { gzip: false }],
  [{ TIMEOUT: "2500" }, { timeoutMs: 2_500 }],
  [{ TIMEOUT: "2500", TRACES_TIMEOUT: "100" }, { timeoutMs: 100 }],
  [{ TIMEOUT: "0" }, { timeoutMs: Number.POSITIVE_INFINITY }],
  [{ INSECURE: "True" }, { insecure: true }],
  [{ INSECURE: "true", TRACES_INSECURE: "false" }, { insecure: false }],
];
for (const [written, wanted] of TABLE) {
  test(`${JSON.stringify(written)}`, () => {
    const env = Object.fromEntries(Object.entries(written).map(([name, value]) => [P + name, value]));
    const read = otlpVariables("traces", env);
    for (const [name, value] of Object.entries(wanted)) assert.deepEqual(read[name as keyof Read], value);
  });
}

const SECRET = "sk-live-4f3c2b1a9d8e7f6a";
const WRONG: readonly (readonly [env: { readonly [name: string]: string }, message: RegExp])[] = [
  [
    { PROTOCOL: "grpc" },
    /^OTEL_EXPORTER_OTLP_PROTOCOL is grpc.*set OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http\/protobuf.*4318/,
  ],
  [{ TRACES_PROTOCOL: "http" }, /^OTEL_EXPORTER_OTLP_TRACES_PROTOCOL takes http\/protobuf or http\/json; it is "http"/],
  [{ COMPRESSION: "zstd" }, /^OTEL_EXPORTER_OTLP_COMPRESSION takes gzip or none; it is "zstd"/],
  [{ TIMEOUT: "10s" }, /^OTEL_EXPORTER_OTLP_TIMEOUT takes a number of milliseconds; it is "10s"/],
  [{ TIMEOUT: "-1" }, /^OTEL_EXPORTER_OTLP_TIMEOUT takes/],
  [{ CERTIFICATE: "/ca.pem" }, /^OTEL_EXPORTER_OTLP_CERTIFICATE is not read here.*NODE_EXTRA_CA_CERTS/],
  [{ TRACES_CLIENT_KEY: "/k" }, /^OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY .*NODE_EXTRA_CA_CERTS/],
  [{ CLIENT_CERTIFICATE: "/c" }, /^OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE .*NODE_EXTRA_CA_CERTS/],
  [{ HEADERS: SECRET }, /^OTEL_EXPORTER_OTLP_HEADERS takes key=value/],
  [{ TRACES_HEADERS: `k=${SECRET}%` }, /^OTEL_EXPORTER_OTLP_TRACES_HEADERS takes key=value.*%25/],
  [{ ENDPOINT: "localhost:4318" }, /OTEL_EXPORTER_OTLP_ENDPOINT: the address must be absolute and begin with http/],
  [{ ENDPOINT: "https://c/v1/traces" }, /^OTEL_EXPORTER_OTLP_ENDPOINT is the address that "\/v1\/traces" is added to/],
  [{ TRACES_ENDPOINT: "collector" }, /OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: the address must be/],
  [
    { ENDPOINT: "http://c.example:4318", HEADERS: `api-key=${SECRET}` },
    /credentials over plain http to c\.example:4318.*OTEL_EXPORTER_OTLP_INSECURE=true/,
  ],
];
for (const [written, message] of WRONG) {
  test(`${Object.keys(written)} with a wrong value: a ConfigError names it, and no secret`, () => {
    const env = Object.fromEntries(Object.entries(written).map(([name, value]) => [P + name, value]));
    assert.throws(
      () => otlpSink({}, env),
      (error: Error) => {
        assert.ok(error instanceof ConfigError);
        assert.match(error.message, message);
        assert.ok(!error.message.includes(SECRET));
        return true;
      },
    );
  });
}

test("credentials over plain http: to this machine, to names of a private network, and with consent", () => {
  const make = (url: string, more: object = {}) =>
    otlpSink({}, { [`${P}ENDPOINT`]: url, [`${P}HEADERS`]: `api-key=${SECRET}`, ...more });
  for (const host of ["127.0.0.1", "localhost", "otel-collector", "collector.tools.svc.cluster.local", "c.internal"]) {
    make(`http://${host}:4318`);
  }
  for (const host of ["c.example", "10.0.0.1", "[fd00::1]", "svc.example"]) {
    assert.throws(() => make(`http://${host}:4318`), /credentials over plain http/, host);
    make(`http://${host}:4318`, { [`${P}INSECURE`]: "true" });
    make(`https://${host}:4318`);
  }
  assert.throws(() => make("http://otel-collector:4318", { [`${P}INSECURE`]: "false" }), /credentials over plain http/);
});

test("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT in all its forms", () => {
  const name = "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT";
  const forms = {
    NO_CONTENT: "none",
    false: "none",
    SPAN_ONLY: "spans",
    True: "spans",
    event_only: "events",
    Span_And_Event: "both",
  };
  for (const [written, mode] of Object.entries(forms)) assert.equal(contentModeOf({ [name]: written }), mode);
  assert.equal(contentModeOf({}), undefined);
  assert.throws(() => contentModeOf({ [name]: "some" }), /takes SPAN_ONLY, EVENT_ONLY.*it is "some"/);
});

async function requestsOf(t: TestContext, make: (url: string) => Parameters<typeof otlpSink>) {
  const server = await otlpServer();
  t.after(server.close);
  await otlpSink(...make(server.url)).write([sampleSpan({ input: "x".repeat(2_000) }), sampleScore()], signal);
  return server.requests;
}

test("the variables are what the sink does, for each signal", async (t) => {
  const [traces, logs, ...none] = await requestsOf(t, (url) => [
    {},
    {
      [`${P}ENDPOINT`]: `${url}/base`,
      [`${P}HEADERS`]: "x-tenant=a",
      [`${P}LOGS_HEADERS`]: "x-tenant=b",
      [`${P}PROTOCOL`]: "http/json",
      [`${P}LOGS_PROTOCOL`]: "http/protobuf",
      [`${P}TRACES_COMPRESSION`]: "gzip",
    },
  ]);
  assert.equal(none.length, 0);
  assert.deepEqual([traces!.path, logs!.path], ["/base/v1/traces", "/base/v1/logs"]);
  assert.deepEqual([traces!.headers["x-tenant"], logs!.headers["x-tenant"]], ["a", "b"]);
  assert.deepEqual(
    [traces!.headers["content-type"], logs!.headers["content-type"]],
    ["application/json", "application/x-protobuf"],
  );
  assert.deepEqual([traces!.headers["content-encoding"], logs!.headers["content-encoding"]], ["gzip", undefined]);
});

test("options have the word over the variables", async (t) => {
  const [traces] = await requestsOf(t, (url) => [
    { protocol: "http/protobuf", compression: "none", headers: { "x-tenant": "c" } },
    {
      [`${P}ENDPOINT`]: url,
      [`${P}HEADERS`]: "x-tenant=a,x-other=b",
      [`${P}PROTOCOL`]: "http/json",
      [`${P}COMPRESSION`]: "gzip",
    },
  ]);
  const { headers } = traces!;
  assert.deepEqual([headers["x-tenant"], headers["x-other"]], ["c", "b"]);
  assert.deepEqual([headers["content-type"], headers["content-encoding"]], ["application/x-protobuf", undefined]);
});

test("an address that is given keeps the variables out: their headers are for another receiver", async (t) => {
  const [traces] = await requestsOf(t, (url) => [
    { endpoint: url },
    { [`${P}ENDPOINT`]: "http://elsewhere", [`${P}HEADERS`]: `api-key=${SECRET}`, [`${P}PROTOCOL`]: "grpc" },
  ]);
  assert.equal(traces!.headers["api-key"], undefined);
});

test("with the address of spans alone, log records go beside them with what opens it", async (t) => {
  const [traces, logs] = await requestsOf(t, (url) => [
    {},
    { [`${P}TRACES_ENDPOINT`]: `${url}/x/v1/traces`, [`${P}TRACES_HEADERS`]: `api-key=${SECRET}` },
  ]);
  assert.deepEqual([traces!.path, logs!.path], ["/x/v1/traces", "/x/v1/logs"]);
  assert.equal(logs!.headers["api-key"], SECRET);

  const only = await requestsOf(t, (url) => [{}, { [`${P}TRACES_ENDPOINT`]: `${url}/ingest` }]);
  assert.deepEqual(
    only.map(({ path }) => path),
    ["/ingest"],
  );
});

test("the limit of attribute texts is OpenTelemetry's", async (t) => {
  const server = await otlpServer();
  t.after(() => server.close());
  const limits: readonly (readonly [env: NodeJS.ProcessEnv, kept: string])[] = [
    [{}, "abcdef"],
    [{ OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "4" }, "abcd"],
    [{ OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: "3", OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "4" }, "abc"],
  ];
  for (const [env, kept] of limits) {
    await otlpSink({ endpoint: server.url }, env).write([sampleSpan({ attributes: { text: "abcdef" } })], signal);
    const { attributes } = server.spans().at(-1)!;
    assert.equal(attributes.find(({ key }: { key: string }) => key === "text")?.value.stringValue, kept);
  }
  assert.throws(() => otlpSink({}, { OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: "many" }), {
    code: "CONFIG_BAD_VARIABLE",
    message: /OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT.*"many"/,
  });
});

test("what is an integer in one profile may be a double in another", async (t) => {
  const server = await otlpServer();
  t.after(() => server.close());
  const record = sampleSpan({ genAi: { operation: "chat", parameters: { top_k: 5 } } });
  const written = [];
  for (const profile of ["1.41", "latest"] as const) {
    await otlpSink({ endpoint: server.url, profile }).write([record], signal);
    const { attributes } = server.spans().at(-1)!;
    written.push(attributes.find(({ key }: { key: string }) => key === "gen_ai.request.top_k")?.value);
  }
  assert.deepEqual(written, [{ doubleValue: 5 }, { intValue: "5" }]);
});
