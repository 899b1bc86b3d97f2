/** A function's parameters as its source names them: `argN` where there is no name, as in destructuring. */
export interface Parameters {
  readonly names: readonly string[];
  /** The last one is a rest parameter. */
  readonly rest: boolean;
}

const known = new WeakMap<Function, Parameters | null>();

/**
 * The parameter names of a function, method, accessor or class, read from its source once; of a class, its constructor's.
 * `undefined` for native and bound functions, and where the source is not understood. Never throws.
 */
export function parameterNames(fn: Function): Parameters | undefined {
  let found = known.get(fn);
  if (found === undefined && typeof fn === "function") known.set(fn, (found = read(fn) ?? null));
  return found ?? undefined;
}

/**
 * Arguments by parameter name; `undefined` when there are none. A rest parameter holds an array, and what has no name goes
 * by its position: `arg0`, `arg1`, …
 */
export function namedArguments(fn: Function, args: ArrayLike<unknown>): Record<string, unknown> | undefined {
  if (args.length === 0) return undefined;
  const { names, rest } = parametersOf(fn);
  const restAt = rest ? names.length - 1 : -1;
  const named: Record<string, unknown> = {};
  for (let i = 0; i < args.length; i++) {
    if (i === restAt) {
      named[names[i]!] = Array.prototype.slice.call(args, i);
      break;
    }
    named[names[i] ?? positional((name) => names.includes(name), i)] = args[i];
  }
  return named;
}

const UNKNOWN: Parameters = { names: [], rest: false };

/** What is known of the parameters, be it nothing. */
export function parametersOf(fn: Function): Parameters {
  return parameterNames(fn) ?? UNKNOWN;
}

function positional(isTaken: (name: string) => boolean, index: number): string {
  let name = `arg${index}`;
  while (isTaken(name)) name += "_";
  return name;
}

function read(fn: Function): Parameters | undefined {
  try {
    const source = Function.prototype.toString.call(fn);
    if (source.endsWith("{ [native code] }")) return undefined;
    return isClass(source) ? constructorParameters(fn, source) : functionParameters(source);
  } catch {
    return undefined;
  }
}

function isClass(source: string): boolean {
  if (!source.startsWith("class")) return false;
  // A method may be called `class`, and a parameter `classes`.
  const [first, second] = tokens(source);
  return first?.text === "class" && second?.text !== "(";
}

/** Before the parameters there may be modifiers and a name; a computed name is in brackets, so its tokens are deeper. */
function functionParameters(source: string): Parameters | undefined {
  const scan = tokens(source);
  let last: Token | undefined;
  for (const token of scan) {
    if (token.depth === 0 && token.text === "(") return parameterList(scan, 1);
    if (token.depth === 0 && token.text === "=>") return last?.isName ? { names: [last.text], rest: false } : undefined;
    last = token;
  }
  return undefined;
}

const NO_CONSTRUCTOR = ["static", "get", "set", "async", "*", "."];

/** A class without a constructor takes what its superclass takes. */
function constructorParameters(fn: Function, source: string): Parameters | undefined {
  const scan = tokens(source);
  // `class A extends class {} {}`: bodies still to open before the class's own is open.
  let bodies = 0;
  let derived = false;
  let last = "";
  let beforeLast = "";
  for (const { text, depth } of scan) {
    if (depth === 0 && text === "}" && bodies === 0) break;
    if (depth === 0 && last !== ".") {
      if (text === "class" || text === "function") bodies++;
      else if (text === "extends") derived = true;
      else if (text === "{") bodies--;
    }
    const isConstructor = text === "(" && /^(["']?)constructor\1$/.test(last) && !NO_CONSTRUCTOR.includes(beforeLast);
    if (depth === 1 && bodies === 0 && isConstructor) return parameterList(scan, 2);
    beforeLast = last;
    last = text;
  }
  return derived ? parameterNames(Object.getPrototypeOf(fn)) : UNKNOWN;
}

/** Reads on from behind the opening parenthesis, inside which `depth` brackets are open. */
function parameterList(scan: Iterable<Token>, depth: number): Parameters | undefined {
  const names = new Set<string>();
  let rest = false;
  let atStart = true;
  for (const token of scan) {
    if (token.depth > depth) continue;
    if (token.depth < depth) return { names: [...names], rest };
    if (token.text === ",") atStart = true;
    else if (token.text === "...") rest = true;
    else if (atStart) {
      // Assigning `__proto__` would set a prototype; sloppy functions may repeat a name.
      const usable = token.isName && token.text !== "__proto__" && !names.has(token.text);
      names.add(usable ? token.text : positional((name) => names.has(name), names.size));
      atStart = false;
    }
  }
  return undefined;
}

interface Token {
  readonly text: string;
  /** An identifier, a keyword or a `#private` name. */
  readonly isName: boolean;
  /** How many brackets are open around it; a bracket counts neither for itself nor for its partner. */
  readonly depth: number;
}

const SPACE = /\s+|\/\/[^\n\r\u2028\u2029]*|\/\*.*?\*\//sy;
/** Made at first use: the Unicode classes cost 0.8 ms wherever they are parsed, and 4 ms when compiled; few sources need them. */
let unicodeName: RegExp | undefined;
const UNICODE_NAME = String.raw`#?(?:[$_\p{ID_Start}]|\\u[\da-f]{4}|\\u\{[\da-f]+\})(?:[$\p{ID_Continue}\p{Join_Control}]|\\u[\da-f]{4}|\\u\{[\da-f]+\})*`;
const ASCII_NAME = /#?[$A-Z_a-z][$\w]*/y;
const BEYOND_ASCII = /[\\\u0080-\uffff]/;
const LITERAL = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|\.?\d(?:e[+-]|[\w.])*/isy;
const REGEX = /\/(?:[^\\/[\n\r]|\\.|\[(?:[^\\\]\n\r]|\\.)*\])+\/\w*/y;
/** From a backtick, or the brace that ends a substitution, to the end or the next substitution. */
const TEMPLATE = /[`}](?:[^`\\$]|\\.|\$(?!\{))*(?:`|\$\{)/sy;
const PUNCTUATOR = /=>|\.\.\.|\+\+|--|./sy;

/** Keywords that an expression follows, so that a slash after them opens a regular expression. */
const EXPECTS_EXPRESSION = new Set(
  "return typeof case in of delete void throw new instanceof do else yield await".split(" "),
);
/** Where a slash after the closing parenthesis opens a regular expression. */
const HAS_CONDITION = new Set(["if", "while", "for", "with"]);
/** Where a brace opens a block, if not after an operand. */
const BEFORE_BLOCK = new Set(["", ")", ";", "{", "}", "=>", "else", "do", "try", "finally"]);

/** One linear pass over valid JavaScript, comments left out. Iterative, however deep templates and brackets nest. */
function* tokens(source: string): Generator<Token, void> {
  /** Per open bracket: whether its end is an operand (a slash then divides), or `template` for a substitution. */
  const open: (boolean | "template")[] = [];
  let at = 0;
  let last = "";
  let operand = false;
  const namePattern = BEYOND_ASCII.test(source) ? (unicodeName ??= new RegExp(UNICODE_NAME, "iuy")) : ASCII_NAME;
  const take = (pattern: RegExp): string | undefined => {
    const start = (pattern.lastIndex = at);
    if (!pattern.test(source)) return undefined;
    at = pattern.lastIndex;
    return source.slice(start, at);
  };

  while (at < source.length) {
    if (take(SPACE) !== undefined) continue;
    const start = at;
    const name = take(namePattern);
    const literal = name ?? take(LITERAL) ?? (operand ? undefined : take(REGEX));
    if (name !== undefined) {
      operand = last === "." || !EXPECTS_EXPRESSION.has(name);
      yield { text: unescaped(name), isName: true, depth: open.length };
    } else if (literal !== undefined) {
      operand = true;
      yield { text: literal, isName: false, depth: open.length };
    } else if (source[at] === "`" || (source[at] === "}" && open.at(-1) === "template")) {
      if (source[at] === "}") open.pop();
      const text = take(TEMPLATE)!;
      yield { text, isName: false, depth: open.length };
      operand = text.endsWith("`");
      if (!operand) open.push("template");
    } else {
      const text = take(PUNCTUATOR)!;
      const closes = text === ")" || text === "]" || text === "}";
      const operandAfter: boolean = closes ? open.pop() === true : text === "++" || text === "--";
      yield { text, isName: false, depth: open.length };
      if (text === "(") open.push(!HAS_CONDITION.has(last));
      else if (text === "[") open.push(true);
      else if (text === "{") open.push(!operand && !BEFORE_BLOCK.has(last));
      operand = operandAfter;
    }
    last = source.slice(start, at);
  }
}

function unescaped(name: string): string {
  if (!name.includes("\\")) return name;
  return name.replace(/\\u(?:\{([\da-f]+)\}|(.{4}))/gi, (_, long?: string, short?: string) =>
    String.fromCodePoint(Number.parseInt((long ?? short)!, 16)),
  );
}
