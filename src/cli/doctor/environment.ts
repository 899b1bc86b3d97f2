import { accessSync, constants, existsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readEnvironment, readSink, unknownVariables } from "../../environment.ts";
import { langfuseOptions } from "../../sinks/langfuse-environment.ts";
import { otlpAddress } from "../../sinks/otlp/address.ts";
import { withoutSecrets } from "../source.ts";
import { type Check, ok, problem, warning } from "./check.ts";

const MEANINGS: { readonly [name: string]: string } = {
  SIGHTLINE_SINK: "where records go",
  SIGHTLINE_HEADERS: "sent with every request of an http sink",
  SIGHTLINE_SPOOL: "where records wait on disk",
  SIGHTLINE_ENABLED: "whether anything is recorded",
  SIGHTLINE_SAMPLE_RATE: "the share of traces that is kept",
  SIGHTLINE_ENVIRONMENT: "of every trace",
  SIGHTLINE_RELEASE: "of every trace",
  SIGHTLINE_VERSION: "of every trace",
  SIGHTLINE_USER_ID_KEY: "with which user ids are hashed",
  SIGHTLINE_TOKEN: "for collectors that the command line asks",
  SIGHTLINE_TOKENS: "of those who send to serve",
  SIGHTLINE_VIEWER_TOKEN: "of those who look at serve",
};
const SECRET = /HEADERS|KEY|TOKEN/;
const PROBE_MS = 5_000;

/** What was found where a variable leads. */
export type Places = { readonly [variable: string]: readonly Check[] };

/** The variables that are set, and what they mean; of one that something is wrong with, or where it leads, that alone. */
export function checkVariables(env: NodeJS.ProcessEnv, places: Places = {}): Check[] {
  const set = Object.keys(MEANINGS).filter((name) => env[name]);
  const refused = refusalOf(() => readEnvironment(env, true));
  const unknown = unknownVariables(env);
  const wrong: Check[] = [];
  if (unknown !== undefined) wrong.push(warning("variables", unknown, "correct the name, or unset it"));
  if (refused !== undefined) wrong.push(problem("variables", refused, "correct it: configure() refuses it too"));
  if (/^(?:false|0|off|no)$/i.test(env["SIGHTLINE_ENABLED"] ?? "")) {
    wrong.push(warning("SIGHTLINE_ENABLED", "nothing is recorded", "unset it, or say true"));
  }
  if (Number(env["SIGHTLINE_SAMPLE_RATE"] || 1) === 0) {
    wrong.push(warning("SIGHTLINE_SAMPLE_RATE", "no trace is kept", "unset it, or say 1"));
  }
  const isWell = (name: string) =>
    !wrong.some(({ about, said }) => about === name || new RegExp(`\\b${name}\\b`).test(said)) &&
    !(name === "SIGHTLINE_SINK" && usableSinks(env).length < namedSinks(env).length) &&
    (places[name] ?? []).every(({ state }) => state === "ok");
  const well = set.filter(isWell).map((name) => {
    const value = SECRET.test(name) ? "set" : withoutSecrets(env[name]!).slice(0, 100);
    return ok(name, `${value} (${MEANINGS[name]})`);
  });
  if (set.length === 0 && refused === undefined)
    well.push(ok("variables", "no SIGHTLINE_… variable is set; configure() decides"));
  return [...well, ...wrong];
}

/** What `configure()` would say of the variables. */
function refusalOf(read: () => unknown): string | undefined {
  try {
    read();
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether the sinks that the environment names would take something, found out by requests that hold no record. */
export async function checkSinks(env: NodeJS.ProcessEnv): Promise<Check[]> {
  const checks = await Promise.all(usableSinks(env).map((sink) => checkSink(sink, env)));
  return checks.filter((check) => check !== undefined);
}

function namedSinks(env: NodeJS.ProcessEnv): string[] {
  return (env["SIGHTLINE_SINK"] ?? "")
    .split(",")
    .map((part) => part.trim())
    .filter(Boolean);
}

/** What configure() refuses is said of the variables, and nothing is sent there. */
function usableSinks(env: NodeJS.ProcessEnv): string[] {
  return namedSinks(env).filter((sink) => refusalOf(() => readSink(sink, env, "SIGHTLINE_SINK")) === undefined);
}

async function checkSink(sink: string, env: NodeJS.ProcessEnv): Promise<Check | undefined> {
  const about = `sink ${withoutSecrets(sink)}`;
  try {
    if (sink.startsWith("file:") || sink.startsWith("otlp-file:"))
      return checkFile(about, sink.replace(/^[\w-]+:/, ""));
    if (/^https?:/.test(sink))
      return await probe(about, sink, { "content-type": "application/x-ndjson", ...headersOf(env) }, "");
    if (sink === "otlp") {
      const { url, headers } = otlpAddress("otlp", "traces", {}, undefined, env);
      return await probe(
        `${about} (${withoutSecrets(url)})`,
        url,
        { ...headers, "content-type": "application/json" },
        '{"resourceSpans":[]}',
      );
    }
    if (sink === "langfuse") return await checkLangfuse(about, env);
    // Any other word is no sink, which is said of the variable.
    return sink === "console" || sink === "console:json" ? ok(about, "writes to this terminal") : undefined;
  } catch (error) {
    return problem(about, (error as Error).message, "correct what it names");
  }
}

function headersOf(env: NodeJS.ProcessEnv): { [name: string]: string } {
  const pairs = (env["SIGHTLINE_HEADERS"] ?? "")
    .split(",")
    .map((pair) => pair.trim())
    .filter((pair) => pair.includes("="));
  return Object.fromEntries(
    pairs.map((pair) => [pair.slice(0, pair.indexOf("=")).trim(), decode(pair.slice(pair.indexOf("=") + 1).trim())]),
  );
}

function decode(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}

function checkFile(about: string, path: string): Check {
  const target = existsSync(path) ? path : dirname(resolve(path));
  try {
    accessSync(existingParent(target), constants.W_OK);
    return ok(about, existsSync(path) ? "can be written" : "will be made by the first record");
  } catch (error) {
    return problem(about, (error as Error).message, "choose another path, or let this user write there");
  }
}

function existingParent(path: string): string {
  return existsSync(path) || dirname(path) === path ? path : existingParent(dirname(path));
}

async function checkLangfuse(about: string, env: NodeJS.ProcessEnv): Promise<Check> {
  const { baseUrl, publicKey, secretKey } = langfuseOptions(env);
  const authorization = `Basic ${Buffer.from(`${publicKey}:${secretKey}`).toString("base64")}`;
  return probe(`${about} (${withoutSecrets(baseUrl)})`, `${baseUrl}/api/public/projects`, { authorization });
}

async function probe(
  about: string,
  address: string,
  headers: { [name: string]: string },
  body?: string,
): Promise<Check> {
  const url = new URL(address);
  const given = new Headers(headers);
  if (url.username !== "") {
    given.set(
      "authorization",
      `Basic ${Buffer.from(`${decode(url.username)}:${decode(url.password)}`).toString("base64")}`,
    );
    url.username = url.password = "";
  }
  let response: Response;
  try {
    response = await fetch(url, {
      method: body === undefined ? "GET" : "POST",
      headers: given,
      redirect: "manual",
      signal: AbortSignal.timeout(PROBE_MS),
      ...(body !== undefined && { body }),
    });
    await response.body?.cancel();
  } catch (error) {
    const { cause, name, message } = error as Error & { cause?: NodeJS.ErrnoException };
    const why =
      name === "TimeoutError" ? `no answer within ${PROBE_MS} ms` : (cause?.code ?? cause?.message ?? message);
    return problem(
      about,
      `cannot be reached: ${why}`,
      "start it, or correct the address; records wait in memory, or in SIGHTLINE_SPOOL, meanwhile",
    );
  }
  const { status } = response;
  if (status < 300) return ok(about, `answers ${status}`);
  if (status === 401 || status === 403)
    return problem(
      about,
      `answers ${status}`,
      "correct the key or the token (SIGHTLINE_HEADERS, LANGFUSE_…, OTEL_EXPORTER_OTLP_HEADERS)",
    );
  if (status === 404 || status === 405)
    return problem(about, `answers ${status}: nothing takes records at this address`, "correct the path");
  if (status < 400)
    return problem(about, `answers ${status}: redirects are not followed`, "name the address where it leads");
  if (status === 429 || status >= 500)
    return warning(about, `answers ${status}: it takes nothing at the moment`, "wait; records are sent again");
  return warning(
    about,
    `is there, and answers ${status} to an empty request`,
    "send a record, and look for a line of sightline on stderr",
  );
}
