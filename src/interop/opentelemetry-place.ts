import type { Context } from "@opentelemetry/api";
import type { Span } from "../core/span.ts";

/** The same for all loaded copies of the package. A WeakMap costs 3 µs for each span, most of it in garbage collection. */
const PLACE: unique symbol = Symbol.for("sightline.opentelemetry.context") as never;

type Placed = Span & { [PLACE]?: Context };

/** OpenTelemetry's context in which the span first became current. It resumes there, with all that the context held. */
export function placeOf(span: Span): Context | undefined {
  return (span as Placed)[PLACE];
}

export function setPlace(span: Span, context: Context): void {
  Reflect.set(span, PLACE, context);
}
