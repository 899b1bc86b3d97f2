/**
 * Which generation of OpenTelemetry's GenAI names is written. `1.41`: what readers parse today, the last release that
 * had them. `latest`: the names of the `semantic-conventions-genai` repository. `1.36`: `gen_ai.system`, for old readers.
 */
export const PROFILES = ["1.36", "1.41", "latest"] as const;

export type Profile = (typeof PROFILES)[number];

/** `OTEL_SEMCONV_STABILITY_OPT_IN`, a list, asks for the newest names with this word. */
const LATEST = "gen_ai_latest_experimental";

/** The profile that the environment asks for. */
export function profileOf(env: NodeJS.ProcessEnv): Profile {
  const words = (env["OTEL_SEMCONV_STABILITY_OPT_IN"] ?? "").split(",").map((word) => word.trim());
  return words.includes(LATEST) ? "latest" : "1.41";
}

/** Published for what was released; the newest names have none yet. */
export function schemaUrlOf(profile: Profile): string | undefined {
  return profile === "latest" ? undefined : `https://opentelemetry.io/schemas/${profile}.0`;
}
