import type { Usage } from "../core/record.ts";

/** What the provider's own tools cost, in USD for one call or one session. */
export interface ToolFees {
  readonly webSearchCall?: number;
  /** Only of the Responses API: the Assistants API charges storage, not calls, and its records count none. */
  readonly fileSearchCall?: number;
  readonly codeInterpreterSession?: number;
}

/** https://developers.openai.com/api/docs/pricing, the same on Azure. */
export const OPENAI_FEES: Required<ToolFees> = {
  webSearchCall: 0.01,
  fileSearchCall: 0.0025,
  codeInterpreterSession: 0.03,
};

const COUNTED = [
  ["webSearchCalls", "webSearchCall", "web searches"],
  ["fileSearchCalls", "fileSearchCall", "file searches"],
  ["codeInterpreterSessions", "codeInterpreterSession", "code interpreter sessions"],
] as const;

/** The fees of all that was used, in USD; `undefined`, and why, when there is no fee for some of it. */
export function toolFees(
  usage: Usage,
  fees: ToolFees,
  why: ((reason: string) => void) | undefined,
): number | undefined {
  let sum = 0;
  for (const [count, fee, words] of COUNTED) {
    const used = usage[count] ?? 0;
    if (used === 0) continue;
    const each = fees[fee];
    if (each === undefined) {
      why?.(words);
      return undefined;
    }
    sum += used * each;
  }
  return sum;
}
