import type { HttpCall, Level, RateLimit, SpanRecord, TraceInfo } from "../core/record.ts";
import type { AttributeWriter } from "./attribute-writer.ts";
import { errorTypeOf } from "./error-type.ts";
import { type AttributeKey, PREFIXES } from "./registry.ts";

/** What any span may say of itself beside its type and what OTLP has fields for. */
export function putCommon(out: AttributeWriter, record: SpanRecord): void {
  const { status, level, seq, cuts } = record;
  const derived: Level = status.code === "error" ? "ERROR" : "DEFAULT";
  if (level !== derived) out.put("level", level);
  // OTLP has a place for it with errors only.
  if (status.code !== "error") out.put("statusMessage", status.message);
  out.put("unfinished", record.unfinished);
  if (seq > 0) out.put("seq", seq);
  out.put("callSite", record.callSite);
  if (cuts !== undefined && cuts.length > 0) out.put("cuts", cuts);
  out.putEach(PREFIXES.metadata, record.metadata);
}

/** Why a span failed. Message and stack are on its `exception` event, the message on its status too. */
export function putError(out: AttributeWriter, record: SpanRecord): void {
  const { error } = record;
  out.put("errorType", errorTypeOf(record));
  if (error === undefined) return;
  out.put("ownErrorCode", error.code === undefined ? undefined : String(error.code));
  out.put("ownErrorStatus", error.status);
  out.put("ownErrorCauses", error.causes);
}

const TRACE: { readonly [field in Exclude<keyof TraceInfo, "metadata" | "version" | "environment">]-?: AttributeKey } =
  {
    name: "traceName",
    userId: "userId",
    sessionId: "sessionId",
    tags: "traceTags",
    feature: "traceFeature",
    team: "traceTeam",
    release: "traceRelease",
    public: "tracePublic",
  };

const TRACE_ENTRIES = Object.entries(TRACE) as [keyof typeof TRACE, AttributeKey][];

/** What belongs to the whole trace, on each of its records. `version` and `environment` are the resource's. */
export function putTrace(out: AttributeWriter, trace: TraceInfo): void {
  for (const [field, key] of TRACE_ENTRIES) out.put(key, trace[field]);
  out.putEach(PREFIXES.traceMetadata, trace.metadata);
}

const RATE_LIMIT: { readonly [field in keyof RateLimit]-?: AttributeKey } = {
  limitRequests: "limitRequests",
  remainingRequests: "remainingRequests",
  resetRequestsMs: "resetRequestsMs",
  limitTokens: "limitTokens",
  remainingTokens: "remainingTokens",
  resetTokensMs: "resetTokensMs",
};

const RATE_LIMIT_ENTRIES = Object.entries(RATE_LIMIT) as [keyof RateLimit, AttributeKey][];

/** The HTTP exchange: OpenTelemetry's stable names, `url.template`, and `sightline.http.*` for the rest. */
export function putHttp(out: AttributeWriter, http: HttpCall | undefined): void {
  if (http === undefined) return;
  const { attempts, polls, stream, rateLimit } = http;
  out.put("httpMethod", http.method);
  out.put("httpRoute", http.route);
  putServer(out, http.host);
  out.put("httpStatus", http.status);
  out.put("httpRequestId", http.requestId);
  out.put("httpProcessingMs", http.processingMs);
  out.put("httpRequestBytes", http.requestBytes);
  out.put("httpResponseBytes", http.responseBytes);
  if (attempts !== undefined && attempts.length > 1) out.put("httpResends", attempts.length - 1);
  out.put("httpAttempts", attempts);
  out.put("httpPollCount", polls?.count);
  out.put("httpPollRate", polls?.maxPerSecond);
  out.put("httpStreamEvents", stream?.events);
  out.put("httpStreamEnd", stream?.end);
  out.put("httpStreamMismatch", stream?.mismatch);
  out.put("httpStreamTruncated", stream?.truncated);
  if (rateLimit !== undefined) {
    for (const [field, key] of RATE_LIMIT_ENTRIES) out.put(key, rateLimit[field]);
  }
}

/** `host`, `host:8080`, `[::1]:8080`. */
const HOST = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/;
/** What a host without a port means: `sightline/openai` names port 80 where it is that. */
const HTTPS = 443;

/** `server.address` and `server.port`, of which the conventions want both or none. */
export function putServer(out: AttributeWriter, host: string | undefined): void {
  if (host === undefined || host === "") return;
  const [, v6, name, port] = HOST.exec(host) ?? [];
  out.put("serverAddress", v6 ?? name ?? host);
  out.put("serverPort", port === undefined ? HTTPS : Number(port));
}
