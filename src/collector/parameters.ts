import { quoted, Refusal } from "./refusal.ts";

/** Reads a parameter's text; `undefined`: it is not `wanted`. */
export interface Kind {
  readonly read: (value: string) => unknown;
  readonly wanted: string;
}

/** By name; `where.*` stands for every name that begins so, and gives an object. */
export type Kinds = { readonly [name: string]: Kind };

export const TEXT: Kind = {
  read: (value) => (value.length <= 1_000 ? value : undefined),
  wanted: "up to 1,000 characters",
};
export const FLAG: Kind = {
  read: (value) => ({ "1": true, true: true, "0": false, false: false })[value],
  wanted: "1 or 0",
};

export function integer(min: number, max: number): Kind {
  return {
    read: (value) => {
      const number = /^-?\d{1,16}$/.test(value) ? Number(value) : Number.NaN;
      return number >= min && number <= max ? number : undefined;
    },
    wanted: `a whole number from ${min} to ${max}`,
  };
}

export const AMOUNT: Kind = {
  read: (value) => (/^\d{1,15}(?:\.\d{1,15})?(?:e-?\d{1,2})?$/i.test(value) ? Number(value) : undefined),
  wanted: "a number from 0 on",
};

export function word(words: readonly string[]): Kind {
  return { read: (value) => (words.includes(value) ? value : undefined), wanted: `one of ${words.join(", ")}` };
}

export function wordList(words: readonly string[]): Kind {
  return {
    read: (value) => {
      const list = value.split(",");
      return list.every((each) => words.includes(each)) && new Set(list).size === list.length ? list : undefined;
    },
    wanted: `a list, without repetition, of ${words.join(", ")}`,
  };
}

/**
 * The parameters of a query as one object. Each may come once, and what is not known is an error: a filter that is ignored
 * shows what nobody asked for.
 *
 * @throws Refusal that names the parameter, what it got, and what it takes
 */
export function readParameters(query: string, kinds: Kinds): { [name: string]: any } {
  const found: { [name: string]: any } = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const dot = name.indexOf(".");
    const group = dot < 0 ? undefined : name.slice(0, dot);
    const key = group === undefined ? name : `${group}.*`;
    if (!Object.hasOwn(kinds, key)) {
      throw bad(`There is no parameter ${quoted(name)}; there are ${Object.keys(kinds).join(", ")}.`);
    }
    const { read, wanted } = kinds[key]!;
    const inner = group === undefined ? name : name.slice(dot + 1);
    const target = group === undefined ? found : (found[group] ??= Object.create(null));
    if (Object.hasOwn(target, inner)) throw bad(`The parameter ${quoted(name)} comes twice.`);
    const got = read(value);
    if (got === undefined) throw bad(`${name} takes ${wanted}; it got ${quoted(value)}.`);
    target[inner] = got;
  }
  return found;
}

export function bad(message: string): Refusal {
  return new Refusal(400, "BAD_PARAMETER", message);
}
