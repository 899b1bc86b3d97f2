import { lists } from "./group-sums.ts";

/** Which model has answered where one was asked for: `gpt-4.1-2025-04-14` for `gpt-4.1`. */
export interface AnsweredModels {
  add(asked: string | undefined, answered: string | undefined): void;
  /** The one that answered last. `undefined`: none yet, or the one that was asked for. */
  of(asked: string | undefined): string | undefined;
  toJson(): unknown;
}

/** Names come from payloads; the one that was asked for longest ago goes. */
const MAX_NAMES = 200;

/** @param restored what `toJson` gave in an earlier process: so that a limit that is used up does not wait for a first answer */
export function answeredModels(restored: unknown): AnsweredModels {
  const names = new Map<string, string>();

  const add = (asked: unknown, answered: unknown): void => {
    if (typeof asked !== "string" || typeof answered !== "string" || names.get(asked) === answered) return;
    names.delete(asked);
    if (asked !== answered) names.set(asked, answered);
    if (names.size > MAX_NAMES) names.delete(names.keys().next().value!);
  };

  for (const [asked, answered] of lists(restored)) add(asked, answered);
  return { add, of: (asked) => (asked === undefined ? undefined : names.get(asked)), toJson: () => [...names] };
}
