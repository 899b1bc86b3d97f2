import { tokenColor } from "../theme.ts";

/** How many hues there are before they repeat. */
export const HUES = 8;

/** The colour of a line at the moment, in the theme that is shown. */
export function hue(index: number): string {
  return tokenColor(`--hue-${(index % HUES) + 1}`);
}
