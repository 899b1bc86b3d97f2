/** What the panels of the terminal dashboard have in common. */
import { clean, fit, padEnd, padStart } from "../sinks/console-text.ts";

export interface PanelOptions {
  /** Columns of the terminal, from 40 on. Default: 100. */
  readonly columns?: number | undefined;
  /** ANSI colours. Default: false. */
  readonly colors?: boolean | undefined;
}

/** What a panel is drawn with. */
export interface Brush {
  readonly width: number;
  paint(text: string, color: Color): string;
}

const CODES = { red: "31", green: "32", yellow: "33", cyan: "36", dim: "2", bold: "1" } as const;

export type Color = keyof typeof CODES;

const MIN_COLUMNS = 40;

export function brush({ columns: width = 100, colors = false }: PanelOptions = {}): Brush {
  return {
    width: Math.max(MIN_COLUMNS, Math.floor(width) || MIN_COLUMNS),
    paint: (text, color) => (colors ? `\u001b[${CODES[color]}m${text}\u001b[0m` : text),
  };
}

/** The text in exactly `width` columns: cut with `…`, or filled up on the right, or on the left for numbers. */
export function cell(text: string, width: number, isNumber = false): string {
  const shown = fit(clean(text), width);
  return isNumber ? padStart(shown, width) : padEnd(shown, width);
}
