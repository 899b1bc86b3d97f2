import { shared } from "../../core/runtime.ts";
import type { BodyWatch } from "./body-watch.ts";

/** Tells `watch` when nobody can read `body` any more. The watch must not hold the body. */
export function watchAbandoned(body: object, watch: BodyWatch): void {
  shared("abandonedBodies", () => new FinalizationRegistry<BodyWatch>((gone) => gone.gone())).register(body, watch);
}
