import type { TraceInfo } from "../core/record.ts";
import type { AttributeValue } from "./attributes.ts";
import { putVerbatim } from "./langfuse-metadata.ts";

/** What a sink says of all traces that do not say it themselves. */
export interface TraceDefaults {
  readonly environment?: string | undefined;
  readonly release?: string | undefined;
}

/** What belongs to the trace, for every span of it: Langfuse has no trace but its spans. */
export function putTrace(
  trace: TraceInfo,
  defaults: TraceDefaults,
  put: (name: string, value: AttributeValue | undefined) => void,
): void {
  const { feature, team, tags = [] } = trace;
  const environment = trace.environment ?? defaults.environment;
  put("langfuse.trace.name", trace.name);
  put("langfuse.trace.tags", tags.length === 0 ? undefined : tags);
  put("langfuse.trace.public", trace.public);
  put("langfuse.release", trace.release ?? defaults.release);
  put("langfuse.version", trace.version);
  put("langfuse.environment", environment === undefined ? undefined : langfuseEnvironment(environment));
  put("user.id", trace.userId);
  putVerbatim(trace.metadata, (key, value) => put(`langfuse.trace.metadata.${key}`, value));
  put("langfuse.trace.metadata.feature", feature);
  put("langfuse.trace.metadata.team", team);
}

/**
 * The name of an environment as Langfuse takes it: lower case, letters, digits, `-` and `_`, at most 40 of them, not beginning with
 * `langfuse`. It refuses a score with another, and files a span with another under `default`.
 *
 * Source: Langfuse `packages/shared/src/server/ingestion/types.ts` PublicEnvironmentName.
 */
export function langfuseEnvironment(name: string): string {
  const clean = name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9-_]+/g, "-")
    .replace(/^(?:langfuse[-_]*)+/, "");
  return clean.slice(0, 40) || "default";
}
