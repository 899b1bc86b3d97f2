import { clean, count, fit } from "../../sinks/console-text.ts";
import { say } from "../say.ts";
import type { CheckedLimit } from "./budgets-options.ts";

const MAX_NAME = 60;

/** Tells once that a limit has more groups than it keeps apart. */
export function foldedGroups({ name, by, hard, maxGroups }: CheckedLimit): () => void {
  let hasTold = false;
  return () => {
    if (hasTold) return;
    hasTold = true;
    const means =
      hard === undefined
        ? ""
        : " Who has used up the limit stays refused; one of the others who comes back begins anew, so the cap may not hold.";
    say(
      `budget "${fit(clean(name), MAX_NAME)}" keeps ${count(maxGroups)} of by: "${by}" apart in a period, those who have spent ` +
        `most; there are more, and they are put together as "other".${means} Raise the limit's maxGroups.`,
    );
  };
}
