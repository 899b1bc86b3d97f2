import { StoreError } from "../store-error.ts";

/** Texts, names in quotes, comments, and what is left, as SQLite reads them. One that does not end goes to the end. */
const TOKEN = /'[^']*(?:'|$)|"[^"]*(?:"|$)|`[^`]*(?:`|$)|\[[^\]]*(?:\]|$)|--[^\n]*|\/\*[\s\S]*?(?:\*\/|$)|\S/g;

/** Of several statements SQLite would run the first, and say nothing of the others. @throws StoreError `STORE_BAD_QUERY` */
export function checkOneStatement(text: string): void {
  let hasEnded = false;
  for (const [token] of text.matchAll(TOKEN)) {
    if (token === ";") hasEnded = true;
    else if (hasEnded && !token.startsWith("--") && !token.startsWith("/*")) {
      throw new StoreError("STORE_BAD_QUERY", "sql() takes one statement; there is another after the first semicolon.");
    }
  }
}
