import { type Context, context, createContextKey, type Span } from "@opentelemetry/api";

/** What `@sentry/node` 11 keeps in a context, as far as it is used here. */
interface SentryScopes {
  readonly scope: { clone(): { setSDKProcessingMetadata(data: Record<string, unknown>): unknown } };
}

const SCOPES = createContextKey("sentry_scopes");
const NEXT_SCOPE = createContextKey("sentry_fork_set_scope");

/**
 * The scopes of Sentry, where its context manager is OpenTelemetry's. It puts them into every context that it enters; the
 * root has none yet.
 */
export function sentryScopes(active: Context): SentryScopes | undefined {
  const scopes = active.getValue(SCOPES) as SentryScopes | undefined;
  if (scopes !== undefined || !("__SENTRY__" in globalThis)) return scopes;
  return context.with(active, () => context.active().getValue(SCOPES)) as SentryScopes | undefined;
}

/** Sentry asks its scope, and not the context, whether to trace. */
export function suppressSentry(active: Context): Context {
  const scope = sentryScopes(active)?.scope.clone();
  if (scope === undefined) return active;
  scope.setSDKProcessingMetadata({ __SENTRY_SUPPRESS_TRACING__: true });
  return active.setValue(NEXT_SCOPE, scope);
}

/** Sentry's spans do not tell their parents, but their local root. A span of anybody else's is its own. */
export function sentryRoot(span: Span): object {
  const root: unknown = (span as { _sentryRootSpan?: unknown })._sentryRootSpan;
  return typeof root === "object" && root !== null ? root : span;
}
