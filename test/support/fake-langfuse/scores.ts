import { Refused } from "./otlp.ts";

/** What `POST /api/public/scores` keeps. */
export interface Score {
  readonly id: string;
  readonly name: string;
  readonly value: number | string;
  readonly dataType: string;
  readonly traceId?: string;
  readonly observationId?: string;
  readonly sessionId?: string;
  readonly comment?: string;
  readonly metadata?: unknown;
  readonly environment: string;
}

/** `domain/scores.ts` TEXT_SCORE_MAX_LENGTH. */
const MAX_TEXT = 500;

const VALUES: { readonly [dataType: string]: (value: unknown) => boolean } = {
  NUMERIC: (value) => typeof value === "number",
  CATEGORICAL: (value) => typeof value === "string",
  BOOLEAN: (value) => value === 0 || value === 1,
  TEXT: (value) => typeof value === "string" && value.length > 0 && value.length <= MAX_TEXT,
};

/**
 * `features/scores/interfaces/api/shared.ts` PostScoresBody, `utils/scores.ts` applyScoreValidation, `ingestion/types.ts`
 * PublicEnvironmentName.
 */
export function scoreOf(body: any): Score {
  const { id, name, value, dataType, traceId, observationId, sessionId, environment = "default" } = body;
  if (typeof name !== "string" || name === "") throw new Refused("name: must not be empty");
  if (id !== undefined && (typeof id !== "string" || id.length > 800 || id.includes("\r"))) throw new Refused("id");
  if (dataType !== undefined && !VALUES[dataType]?.(value)) throw new Refused(`value: not ${dataType}`);
  const isOfTrace = traceId && !sessionId;
  const isOfSession = sessionId && !traceId && !observationId;
  if (!isOfTrace && !isOfSession) throw new Refused("Provide exactly one of the following: traceId, sessionId");
  if (!/^(?!langfuse)[a-z0-9-_]{1,40}$/.test(environment)) throw new Refused("environment");
  return { ...body, id: id || `generated-${name}`, environment, dataType };
}
