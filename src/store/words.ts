/** What a full-text search looks for: a run of letters, digits and the marks on them. */
const WORD = /[\p{L}\p{N}\p{M}]+/gu;

/**
 * The words of a text in lower case, separated by single spaces; the same for what is stored and what is asked for, so
 * that all stores find the same.
 */
export function words(text: string): string {
  return text.toLowerCase().match(WORD)?.join(" ") ?? "";
}
