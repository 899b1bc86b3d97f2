/** Sightline with `captureInput` and `captureOutput` off: the work that the floor and OpenTelemetry do. */
import { start as startWith } from "./sightline.js";

export function start(options) {
  return startWith({ ...options, plain: true });
}
