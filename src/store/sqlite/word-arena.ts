import { jsonLength } from "../json-length.ts";
import { asciiWordBytes, IS_WIDE, words } from "../words.ts";
import { TEXT_END } from "./apart.ts";

/** A text that stood apart. */
export interface PayloadText {
  readonly text: string;
  /** Characters of its JSON. */
  readonly jsonLength: number;
}

/** Where the words of a transaction's spans are until its end, off the heap: they would be copied there a few times. */
export interface WordArena {
  /** Adds words to those of the span that is next taken. */
  add(words: string): void;
  /** Reads the texts between two places, and adds their words. */
  read(bytes: Buffer, from: number, to: number): PayloadText[];
  /** The words of a span, with spaces between them. */
  take(): Uint8Array;
}

const BLOCK = 1024 * 1024;
/** The first of every transaction: one after the other. */
const FIRST = Buffer.allocUnsafeSlow(BLOCK);
const SPACE = 32;

export function wordArena(): WordArena {
  let block = FIRST;
  let [start, end] = [0, 0];

  function makeRoom(size: number): void {
    if (end + size <= block.length) return;
    const next = Buffer.allocUnsafeSlow(Math.max(BLOCK, end - start + size));
    next.set(block.subarray(start, end));
    [block, start, end] = [next, 0, end - start];
  }

  function add(words: string): void {
    makeRoom(3 * words.length + 1);
    end += block.write(words, end);
    block[end++] = SPACE;
  }

  return {
    add,
    read(bytes, from, to) {
      const texts: PayloadText[] = [];
      for (let at = from; at < to; ) {
        const close = bytes.indexOf(TEXT_END, at);
        makeRoom(close - at + 1);
        const { size, seen } = asciiWordBytes(bytes.subarray(at, close), block.subarray(end));
        const text = bytes.toString(seen & IS_WIDE ? "utf8" : "latin1", at, close);
        if (seen & IS_WIDE) add(words(text));
        else {
          end += size;
          block[end++] = SPACE;
        }
        texts.push({ text, jsonLength: seen === 0 ? close - at + 2 : jsonLength(text) });
        at = close + 1;
      }
      return texts;
    },
    take() {
      const taken = block.subarray(start, end);
      start = end;
      return taken;
    },
  };
}
