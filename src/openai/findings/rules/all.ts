import type { Rule } from "../finding.ts";
import * as endings from "./endings.ts";
import { cacheNeverHits, threadAccumulation } from "./history.ts";
import { backgroundAbandoned, doubleCounting, usageReadTooEarly } from "./recording.ts";
import { activeRunConflict, apiGone, lateOrPartialSubmit, retryStorm } from "./requests.ts";
import { emptyStream, eventStatusMismatch, streamDropped } from "./streams.ts";
import { toolLoop } from "./tool-loop.ts";
import { badToolArguments, toolOutputTruncated } from "./tools.ts";
import * as waiting from "./waiting.ts";

/** In the order of `RULES`. */
export const rules: readonly Rule[] = [
  waiting.stuckInRequiresAction,
  toolOutputTruncated,
  waiting.endlessPolling,
  waiting.runExpired,
  waiting.cancellingStuck,
  threadAccumulation,
  endings.incompleteTokenCap,
  endings.rateLimitedInRun,
  endings.billedFailure,
  activeRunConflict,
  lateOrPartialSubmit,
  endings.completedWithoutAnswer,
  endings.staleAnswerRead,
  usageReadTooEarly,
  streamDropped,
  emptyStream,
  eventStatusMismatch,
  doubleCounting,
  retryStorm,
  endings.contentFilterOrRefusal,
  toolLoop,
  badToolArguments,
  apiGone,
  cacheNeverHits,
  backgroundAbandoned,
  waiting.queueDelay,
];
