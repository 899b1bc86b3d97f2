/** Where inputs and outputs go: on the span, on an event of its own, on both, nowhere. */
export const CONTENT_MODES = ["spans", "events", "both", "none"] as const;

export type ContentMode = (typeof CONTENT_MODES)[number];
