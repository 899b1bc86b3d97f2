import { shared } from "../../core/runtime.ts";
import type { BodyWatch } from "./body-watch.ts";

/** Tells `watch` when nobody can read `body` any more. The watch must not hold the body. */
export function watchAbandoned(body: object, watch: Pick<BodyWatch, "gone">): void {
  shared("abandonedBodies", () => new FinalizationRegistry<Pick<BodyWatch, "gone">>((gone) => gone.gone())).register(
    body,
    watch,
  );
}
