import { isAscii } from "node:buffer";
import { jsonLength } from "../json-length.ts";
import { words } from "../words.ts";
import { TEXT_END } from "./apart.ts";
import { CUT, type WordTable } from "./word-table.ts";

/** A text that stood apart. */
export interface PayloadText {
  readonly text: string;
  /** Characters of its JSON. */
  readonly jsonLength: number;
}

/** Reads the texts between two places, and their words into the table. */
export function readTexts(table: WordTable, bytes: Buffer, from: number, to: number): PayloadText[] {
  const texts: PayloadText[] = [];
  for (let at = from; at < to; ) {
    const end = bytes.indexOf(TEXT_END, at);
    texts.push(readText(table, bytes.subarray(at, end)));
    at = end + 1;
  }
  return texts;
}

function readText(table: WordTable, bytes: Buffer): PayloadText {
  if (isAscii(bytes)) {
    const isEscaped = table.read(bytes) !== 0;
    const text = bytes.toString("latin1");
    return { text, jsonLength: isEscaped ? jsonLength(text) : text.length + 2 };
  }
  const text = bytes.toString();
  readWords(table, words(text));
  return { text, jsonLength: jsonLength(text) };
}

const room = Buffer.allocUnsafeSlow(64 * 1024);

/** @param cut what `words` has made */
export function readWords(table: WordTable, cut: string): void {
  const bytes = 3 * cut.length <= room.length ? room.subarray(0, room.write(cut)) : Buffer.from(cut);
  table.read(bytes, CUT);
}
