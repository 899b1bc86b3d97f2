import type { Scope } from "./messages.ts";

/** Of package.json, which is read nowhere at run time; a test compares them. */
export const VERSION = "0.1.0";

/** Who made the spans, events and metrics. */
export const SCOPE: Scope = Object.freeze({ name: "sightline", version: VERSION });
