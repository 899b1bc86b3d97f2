/** Scripts that are written without spaces: their words are taken as pairs of letters. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const WORD = /[\p{L}\p{M}\p{N}]+/gu;

/** The words of a text in any script, in order, in lower case. Of scripts without spaces, each two letters that follow each other. */
export function wordsOf(text: string): string[] {
  const words: string[] = [];
  for (const [word] of text.normalize("NFKC").toLowerCase().matchAll(WORD)) {
    if (!UNSPACED.test(word)) words.push(word);
    else pairs(word, words);
  }
  return words;
}

function pairs(word: string, into: string[]): void {
  const letters = Array.from(word);
  if (letters.length === 1) into.push(word);
  for (let i = 0; i + 1 < letters.length; i++) into.push(`${letters[i]}${letters[i + 1]}`);
}

/**
 * Words cut to five letters, a stand-in for a stemmer that knows no language: `margin` and `margins`, `Rechnung` and
 * `Rechnungen` are one. `international` and `internet` are too, which is the price.
 */
export function stem(word: string): string {
  return word.length > 5 ? word.slice(0, 5) : word;
}

/** How many sentences it has, at least one: ends of sentences, and empty lines, with words before them. */
export function sentencesOf(text: string): number {
  let count = 0;
  let hasWords = false;
  // Each match is taken whole and looked at afterwards: no character is read twice.
  for (const found of text.matchAll(/[\p{L}\p{N}]+|[.!?…]+|[。！？؟।]+|\n{2,}/gu)) {
    const [token] = found;
    if (/[\p{L}\p{N}]/u.test(token[0]!)) hasWords = true;
    else if (hasWords && (!/[.!?…]/.test(token[0]!) || !/[\p{L}\p{N}]/u.test(text[found.index + token.length] ?? ""))) {
      count++;
      hasWords = false;
    }
  }
  return Math.max(1, count + (hasWords ? 1 : 0));
}

/** Numbers of a text in one form, in order: `1,234.50`, `1.234,50` and `1234.5` are one. */
export function numbersOf(text: string): { readonly value: string; readonly start: number; readonly end: number }[] {
  const numbers: { value: string; start: number; end: number }[] = [];
  for (const found of text.matchAll(/\p{Nd}+(?:[.,\u00a0\u202f’']\p{Nd}+)*/gu)) {
    numbers.push({ value: plain(found[0].normalize("NFKC")), start: found.index, end: found.index + found[0].length });
  }
  return numbers;
}

/** Marks before three digits are thousands where there are several of a kind, or another mark comes after; else the point. */
function plain(number: string): string {
  const marks = number.replace(/\p{Nd}/gu, "");
  const last = marks.at(-1);
  if (last === undefined) return strip(number);
  const at = number.lastIndexOf(last);
  const decimals = number.slice(at + 1);
  const isGrouping = decimals.length === 3 && (marks === last.repeat(marks.length) || !/[.,]/.test(last));
  const whole = number.slice(0, at).replace(/[^\p{Nd}]/gu, "");
  if (isGrouping) return strip(whole + decimals);
  let end = decimals.length;
  while (end > 0 && decimals[end - 1] === "0") end--;
  const fraction = decimals.slice(0, end);
  return strip(whole) + (fraction === "" ? "" : `.${fraction}`);
}

function strip(digits: string): string {
  let at = 0;
  while (at < digits.length - 1 && digits[at] === "0") at++;
  return digits.slice(at);
}
