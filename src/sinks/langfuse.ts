import { SinkError } from "../core/errors.ts";
import { debug } from "../core/guard.ts";
import type { ScoreRecord, SpanRecord, TraceRecord } from "../core/record.ts";
import type { Attributes } from "../semconv/attributes.ts";
import { langfuseAttributes } from "../semconv/langfuse.ts";
import { findingSpan, scoreBody } from "../semconv/langfuse-records.ts";
import { fingerprint } from "./endpoint.ts";
import { finalSpans } from "./final-spans.ts";
import { type LangfuseSinkOptions, langfuseEndpoint, langfuseOptions } from "./langfuse-environment.ts";
import { sendScores } from "./langfuse-scores.ts";
import { newestOf } from "./newest-of.ts";
import { checkOptions } from "./options.ts";
import { resourceOf } from "./otlp/resource.ts";
import { VERSION } from "./otlp/scope.ts";
import { tracesData } from "./otlp/traces.ts";
import { type PostTarget, post, type Refusal } from "./post.ts";
import type { Sink, WriteResult } from "./sink.ts";

export type { LangfuseSinkOptions };

/**
 * The version that Langfuse writes at once; without it a span takes up to 15 minutes. The name is ours: that of Langfuse's
 * own SDK would promise things that only it does.
 */
const HEADERS = {
  "x-langfuse-ingestion-version": "4",
  "x-langfuse-sdk-name": "sightline",
  "x-langfuse-sdk-version": VERSION,
};

/** Langfuse's own SDKs drop what is longer. */
const MAX_ID = 200;

/**
 * Sends to Langfuse: spans and findings by OTLP, scores by its API. Every observation type arrives with its model,
 * usage, cost, input, output, level, user, session, tags and prompt. Langfuse keeps a span as it first came, so unfinished ones
 * wait until they have ended or the process ends, at most ten minutes.
 *
 * A span that Langfuse refuses costs itself alone, as does a score. 408, 425, 429, 5xx and failed connections mean later, after
 * `Retry-After` where it is given; wrong keys and addresses drop the batch, or leave it in a spool. Scores that are not taken
 * where spans are cost no span.
 *
 * @throws ConfigError for keys that are missing or mixed up, and for an address or option that cannot be used
 * @example
 * import { langfuseSink } from "sightline/sinks/langfuse";
 * configure({ sinks: [langfuseSink({ publicKey: "pk-lf-1234", secretKey: key, baseUrl: "https://us.cloud.langfuse.com" })] });
 */
export function langfuseSink(options: LangfuseSinkOptions = {}): Sink {
  checkOptions("langfuseSink", options, {
    publicKey: "string",
    secretKey: "string",
    baseUrl: "any",
    insecure: "boolean",
    environment: "string",
    release: "string",
    content: "boolean",
    timeoutMs: "positive",
    gzip: "boolean",
    maxBodyBytes: "positive",
    name: "string",
    fetch: "function",
    clock: "object",
  });
  const settings = langfuseOptions(process.env, options);
  const { name, timeoutMs, publicKey, environment, release, content, clock, maxBodyBytes = 4 * 1024 ** 2 } = settings;
  const { url, headers } = langfuseEndpoint(settings);
  const defaults = { environment, release };
  const target = (path: string, refusal: PostTarget["refusal"]): PostTarget => ({
    name,
    url: `${url}/api/public/${path}`,
    headers: { ...HEADERS, ...headers },
    contentType: "application/json",
    gzip: settings.gzip !== false,
    timeoutMs,
    fetch: settings.fetch,
    clock,
    refusal,
  });
  const [traces, scores] = [target("otel/v1/traces", refusal), target("scores", refusalOfScore)];
  const resource = texts(resourceOf({}, process.env));
  let isWarned = false;

  function spanOf(record: SpanRecord): { name: string; attributes: Attributes } {
    const attributes = langfuseAttributes(record, { ...defaults, content });
    const long = ["session.id", "user.id"].find((id) => String(attributes[id] ?? "").length > MAX_ID);
    if (long !== undefined && !isWarned) debug(`${name}: a ${long} has more than ${MAX_ID} characters`);
    isWarned ||= long !== undefined;
    return { name: record.name, attributes };
  }

  async function sendSpans(all: readonly SpanRecord[], signal: AbortSignal): Promise<void> {
    const records = newestOf(all, ({ traceId, spanId }) => traceId + spanId);
    // Older servers of Langfuse read OTLP's integers as NaN.
    const form = { resource, schemaUrl: undefined, span: spanOf, isDouble: () => true };
    const bytes = Buffer.from(JSON.stringify(tracesData(records, form)));
    if (bytes.length > maxBodyBytes) {
      const problem = `sink "${name}": ${bytes.length} bytes are more than maxBodyBytes`;
      throw new SinkError(problem, { retry: "split" });
    }
    await post(traces, bytes, signal);
  }

  /** By an empty request, which OTLP has accepted. */
  function takesSpans(signal: AbortSignal): Promise<boolean> {
    return post(traces, '{"resourceSpans":[]}', signal).then(
      () => true,
      () => false,
    );
  }

  async function write(batch: readonly TraceRecord[], signal: AbortSignal): Promise<WriteResult | undefined> {
    const judgements = batch.filter((record) => record.record === "score");
    const spans = batch.filter((record) => record.record !== "score");
    if (spans.length > 0) {
      await sendSpans(spans.map(asSpan), signal);
    }
    const send = async (score: ScoreRecord) => post(scores, JSON.stringify(scoreBody(score, defaults)), signal);
    const { rejected, left, failure } = await sendScores(judgements, send);
    // Where spans are taken, the keys and the address are right: such scores will never be taken.
    const isRefused = failure?.retry === "never" && (spans.length > 0 || (await takesSpans(signal)));
    if (failure !== undefined && !isRefused) {
      const { message, retry, reason, retryAfterMs, code } = failure;
      throw new SinkError(message, { retry, reason, retryAfterMs, code, remaining: left, rejected });
    }
    const all = [...rejected, ...left.map(({ id }) => ({ spanId: id, reason: failure!.message }))];
    return all.length === 0 ? undefined : { rejected: all };
  }

  return finalSpans(
    {
      name,
      get destination() {
        return fingerprint(`${url} ${publicKey}`);
      },
      write,
    },
    clock && { clock },
  );
}

function refusal(status: number): Refusal {
  if (status === 413) return { retry: "split", reason: "too_large", problem: "too large" };
  if (status === 400 || status === 422) return { retry: "split", reason: "rejected_by_sink" };
  const isPassing = status === 408 || status === 425 || status === 429 || (status >= 500 && status <= 599);
  const problem = isPassing ? undefined : PROBLEMS[status];
  return { retry: isPassing ? "later" : "never", ...(problem !== undefined && { problem }) };
}

/** A conflict is of one score. */
function refusalOfScore(status: number): Refusal {
  return status === 409 ? { retry: "split", reason: "rejected_by_sink" } : refusal(status);
}

const ADDRESS = "baseUrl (LANGFUSE_BASE_URL)";
const KEYS = "publicKey (LANGFUSE_PUBLIC_KEY) and secretKey (LANGFUSE_SECRET_KEY)";
const PROBLEMS: { readonly [status: number]: string } = {
  401: `it does not know the keys: check ${KEYS}, and ${ADDRESS}, as every region has keys of its own`,
  403: `it takes nothing from these keys: the project may be over its limit; check ${KEYS}`,
  404: `it has no such path: check ${ADDRESS}, which must be that of a Langfuse that takes OTLP`,
};

function asSpan(record: Exclude<TraceRecord, ScoreRecord>): SpanRecord {
  return record.record === "finding" ? findingSpan(record) : record;
}

/** Older servers cannot read OTLP's integers. */
function texts(attributes: Attributes): Attributes {
  const entries = Object.entries(attributes).map(([name, value]) => {
    return [name, typeof value === "number" ? String(value) : value] as const;
  });
  return Object.fromEntries(entries);
}
