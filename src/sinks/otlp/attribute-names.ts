import { wellFormed } from "./any-value.ts";
import { lengthDelimited } from "./bytes.ts";

/** What is known of an attribute's name once for all. */
export interface AttributeName {
  readonly isDouble: boolean;
  /** An object has it before all others, wherever it was put. */
  readonly isIndex: boolean;
  /** `{"key":"…","value":`. */
  readonly json: string;
  /** Field 1 of a `KeyValue`, tag and length included. */
  readonly protobuf: Uint8Array;
  /** The span that had it last. */
  seen: number;
}

const NO_BYTES = new Uint8Array(0);

/** Users may make up names without end. */
const MAX_NAMES = 1_000;

/** The names that the spans of one sink have, and whether a span has what only its mapping to objects gets right. */
export interface AttributeNames {
  /** A span begins. */
  begin(): void;
  get(name: string): AttributeName;
  /** A name of this span came twice, or is an index: then its attributes have another order, or another value. */
  readonly isOdd: boolean;
}

export function attributeNames(isDouble: (name: string) => boolean): AttributeNames {
  const names = new Map<string, AttributeName>();
  let span = 0;
  let isOdd = false;

  function add(name: string): AttributeName {
    const key = wellFormed(name);
    const known = {
      isDouble: isDouble(name),
      isIndex: /^\d+$/.test(name),
      json: `{"key":${JSON.stringify(key)},"value":`,
      protobuf: key === "" ? NO_BYTES : lengthDelimited(1, Buffer.from(key)),
      seen: -1,
    };
    names.set(name, known);
    return known;
  }

  return {
    begin() {
      if (names.size > MAX_NAMES) names.clear();
      span++;
      isOdd = false;
    },
    get(name) {
      const known = names.get(name) ?? add(name);
      if (known.isIndex || known.seen === span) isOdd = true;
      known.seen = span;
      return known;
    },
    get isOdd() {
      return isOdd;
    },
  };
}
