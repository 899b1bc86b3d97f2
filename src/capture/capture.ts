import type { Capture } from "../core/capture.ts";
import { LIMITS, type Limits } from "./limits.ts";
import { areHarmless, plainBytes } from "./plain.ts";
import { createRedactor, type MaskOptions, REDACTION_FAILED } from "./redact.ts";
import { snapshot } from "./snapshot.ts";
import { startWalk, text } from "./walk.ts";

export type { MaskOptions } from "./redact.ts";

export interface CaptureOptions {
  /** Additions to the masking that runs by default, or `false` for none at all. */
  readonly mask?: MaskOptions | false;
  /** Turns user ids into hashes. */
  readonly hashUserId?: (id: string) => string;
  /** Limits that differ from `LIMITS`. */
  readonly limits?: Partial<Limits>;
}

/** Makes the one door by which values enter a record: copied as they are now, bounded, masked. */
export function createCapture(options: CaptureOptions = {}): Capture {
  const limits: Limits = { ...LIMITS, ...options.limits };
  const redactor = options.mask === false ? undefined : createRedactor(options.mask);
  function clean(value: string): string {
    try {
      return text(startWalk("", limits, redactor), value, undefined, "");
    } catch {
      return REDACTION_FAILED;
    }
  }

  return {
    value: (value, path) => snapshot(value, path, limits, redactor),
    ...(options.limits === undefined && {
      plain: (value) => plainBytes(value, redactor),
      harmless: (names) => areHarmless(names, redactor),
    }),
    text: clean,
    userId: options.hashUserId ?? clean,
  };
}
