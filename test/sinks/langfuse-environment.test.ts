import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { type LangfuseSinkOptions, langfuseEndpoint, langfuseOptions } from "../../src/sinks/langfuse-environment.ts";

const KEYS = { publicKey: "pk-lf-1", secretKey: "sk-lf-2" };
const VARIABLES = { LANGFUSE_PUBLIC_KEY: "pk-lf-env", LANGFUSE_SECRET_KEY: "sk-lf-env" };

test("the variables, and options over them", () => {
  const env = {
    ...VARIABLES,
    LANGFUSE_BASE_URL: "https://us.cloud.langfuse.com/",
    LANGFUSE_HOST: "https://old.example",
    LANGFUSE_TRACING_ENVIRONMENT: "staging",
    LANGFUSE_RELEASE: "v7",
    LANGFUSE_TIMEOUT: "2.5",
  };
  assert.deepEqual(langfuseOptions(env), {
    publicKey: "pk-lf-env",
    secretKey: "sk-lf-env",
    baseUrl: "https://us.cloud.langfuse.com",
    environment: "staging",
    release: "v7",
    timeoutMs: 2500,
    content: true,
    name: "langfuse:us.cloud.langfuse.com",
  });
  const given = {
    ...KEYS,
    baseUrl: "https://jp.cloud.langfuse.com",
    environment: "e",
    release: "r",
    timeoutMs: 1,
    content: false,
    name: "n",
  };
  assert.deepEqual(langfuseOptions(env, given), given);
  assert.deepEqual(langfuseOptions({}, langfuseOptions(env)), langfuseOptions(env), "again gives the same");
});

test("the address by its three names, and where there is none", () => {
  const baseUrl = (env: NodeJS.ProcessEnv) => langfuseOptions({ ...VARIABLES, ...env }).baseUrl;
  assert.equal(baseUrl({}), "https://cloud.langfuse.com");
  assert.equal(baseUrl({ LANGFUSE_HOST: "https://h" }), "https://h");
  assert.equal(baseUrl({ LANGFUSE_HOST: "https://h", LANGFUSE_BASEURL: "https://b" }), "https://b");
  assert.equal(baseUrl({ LANGFUSE_BASEURL: "https://b", LANGFUSE_BASE_URL: " https://u " }), "https://u");
});

test("content follows OpenTelemetry's variable", () => {
  const content = (said: string) =>
    langfuseOptions({ ...VARIABLES, OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: said }).content;
  assert.deepEqual(["NO_CONTENT", "false", "SPAN_ONLY", "event_only", ""].map(content), [
    false,
    false,
    true,
    true,
    true,
  ]);
});

const REFUSED: [string, NodeJS.ProcessEnv, LangfuseSinkOptions, RegExp][] = [
  [
    "no keys",
    {},
    {},
    /publicKey or variable LANGFUSE_PUBLIC_KEY, and option secretKey or variable LANGFUSE_SECRET_KEY/,
  ],
  ["no secret key", {}, { publicKey: "pk-lf-1" }, /set option secretKey or variable LANGFUSE_SECRET_KEY\.$/],
  ["an empty key", { ...VARIABLES, LANGFUSE_PUBLIC_KEY: " " }, {}, /LANGFUSE_PUBLIC_KEY/],
  ["keys mixed up", {}, { publicKey: "sk-lf-2", secretKey: "pk-lf-1" }, /mixed up/],
  [
    "a timeout that is none",
    { ...VARIABLES, LANGFUSE_TIMEOUT: "soon" },
    {},
    /LANGFUSE_TIMEOUT .* seconds; it is "soon"/,
  ],
  [
    "no address",
    { ...VARIABLES, LANGFUSE_HOST: "cloud.langfuse.com" },
    {},
    /LANGFUSE_BASE_URL.*absolute and begin with http/,
  ],
  ["an address without a scheme", {}, { ...KEYS, baseUrl: "localhost:3000" }, /baseUrl.*absolute and begin with http/],
  ["plain http to elsewhere", {}, { ...KEYS, baseUrl: "http://langfuse.example" }, /https.*option insecure/],
  ["plain http to a private address", {}, { ...KEYS, baseUrl: "http://10.0.0.7:3000" }, /option insecure/],
];
for (const [what, env, options, message] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(
      () => langfuseOptions(env, options),
      (error: Error) => {
        assert.equal(error.name, "ConfigError");
        assert.match(error.message, message);
        assert.doesNotMatch(inspect(error), /[sp]k-lf-/, "no key is told");
        return true;
      },
    );
  });
}

test("plain http within a network of one's own", () => {
  const urls = ["http://langfuse-web:3000", "http://langfuse.tools.svc.cluster.local", "http://localhost:3000"];
  for (const baseUrl of urls) assert.equal(langfuseEndpoint({ ...KEYS, baseUrl }).url, baseUrl);
  assert.equal(langfuseEndpoint({ ...KEYS, baseUrl: "http://10.0.0.7", insecure: true }).host, "10.0.0.7");
  assert.throws(() => langfuseEndpoint({ ...KEYS, baseUrl: urls[0]!, insecure: false }), /insecure/);
});

test("a path stays; that of an OpenTelemetry exporter is cut back", () => {
  const url = (baseUrl: string) => langfuseEndpoint({ ...KEYS, baseUrl }).url;
  assert.equal(url("https://x.example/langfuse/"), "https://x.example/langfuse");
  for (const path of ["", "/", "/api/public/otel", "/api/public/otel/", "/api/public/otel/v1/traces", "/api/public"]) {
    assert.equal(url(`https://cloud.langfuse.com${path}`), "https://cloud.langfuse.com");
  }
});
