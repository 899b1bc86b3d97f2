// biome-ignore-all lint/suspicious/noTemplateCurlyInString: sources of functions, as strings
import assert from "node:assert/strict";
import { builtinModules, createRequire } from "node:module";
import { test } from "node:test";
import vm from "node:vm";
import OpenAI from "openai";
import { namedArguments, parameterNames } from "../../src/observe/parameters.ts";

const run = (source: string): Function => vm.runInThisContext(source) as Function;
/** `"a, b, ...c"`, or `"-"` where nothing is known. */
function shown(fn: Function): string {
  const found = parameterNames(fn);
  if (found === undefined) return "-";
  return found.names.map((name, i) => (found.rest && i === found.names.length - 1 ? `...${name}` : name)).join(", ");
}

/** Source of an expression that gives a function, and its parameters. */
const table: [source: string, parameters: string][] = [
  // Functions
  ["function () {}", ""],
  ["function f() {}", ""],
  ["function f(a) {}", "a"],
  ["function f(a, b) {}", "a, b"],
  ["function f ( a , b , ) { }", "a, b"],
  ["function(a,b){}", "a, b"],
  ["function f(a, b) { return (c, d) => c; }", "a, b"],
  ["async function (a) {}", "a"],
  ["async function f(a) {}", "a"],
  ["function* g(a) {}", "a"],
  ["function*(a){}", "a"],
  ["async function* g(a, b) {}", "a, b"],
  ["new Function('a', 'b', 'return a')", "a, b"],
  ["new Function('a, b', '/* c */ d', '')", "a, b, d"],
  ["new Function('a /* b', '*/ , c', '')", "a, c"],
  ["new Function()", ""],
  // Arrows
  ["() => 1", ""],
  ["a => a", "a"],
  ["a=>a", "a"],
  ["(a) => a", "a"],
  ["(a, b) => a", "a, b"],
  ["async () => 1", ""],
  ["async a => a", "a"],
  ["async (a, b) => a", "a, b"],
  ["async => async", "async"],
  ["async => (b, c)", "async"],
  ["async async => 1", "async"],
  ["(async) => 1", "async"],
  ["of => of", "of"],
  ["get => (set, x)", "get"],
  ["$ => _ => $", "$"],
  ["(_, $, $_1) => 1", "_, $, $_1"],
  ["a => (b, c)", "a"],
  ["a => b => (c, d)", "a"],
  ["(await_, yield_) => 1", "await_, yield_"],
  // Defaults
  ["(a = 1) => a", "a"],
  ["(a = 1, b = 2) => a", "a, b"],
  ["(a, b = a) => a", "a, b"],
  ["(a = (1, 2), b) => a", "a, b"],
  ["(a = [1, 2], b) => a", "a, b"],
  ["(a = { x: 1, y: [2, 3] }, b) => a", "a, b"],
  ["(a = f(1, g(2, 3)), b) => a", "a, b"],
  ["(a = (x, y) => x + y, b) => a", "a, b"],
  ["(a = x => x, b) => a", "a, b"],
  ["(a = function (x, y) { return { x, y }; }, b) => a", "a, b"],
  ["(a = class { m(x, y) { return [x, y]; } }, b) => a", "a, b"],
  ["(a = new Map([[1, 2]]), b) => a", "a, b"],
  ["(a = b ? 1 : 2, b) => a", "a, b"],
  ["(a = 1 > 2, b) => a", "a, b"],
  ["(a = 1 >= 2, b = 3 <= 4) => a", "a, b"],
  ["(a = b === c, d) => a", "a, d"],
  ["(a = 1e+5, b = .5, c = 0xff, d = 1n, e = 1_000, f = 5.) => a", "a, b, c, d, e, f"],
  ["(a = this, b = null) => a", "a, b"],
  ["(a = ')', b) => a", "a, b"],
  ['(a = ")", b) => a', "a, b"],
  ["(a = '\\')', b) => a", "a, b"],
  ["(a = '\\\\', b = ')') => a", "a, b"],
  ["(a = '\\\n,', b) => a", "a, b"],
  ["(a = 'x=>y', b = '...') => a", "a, b"],
  ["(a = ',', b = '//', c = '/*', d) => a", "a, b, c, d"],
  // Templates
  ["(a = `)`, b) => a", "a, b"],
  ["(a = `,${','},`, b) => a", "a, b"],
  ["(a = `${{ x: '}' }.x}`, b) => a", "a, b"],
  ["(a = `${`${`)`}`},`, b) => a", "a, b"],
  ["(a = `${(() => { return `}`; })()}`, b) => a", "a, b"],
  ["(a = `\\`${1}\\${,`, b) => a", "a, b"],
  ["(a = `$`, b = `$$`, c = `{$}`, d) => a", "a, b, c, d"],
  ["(a = tag => `${tag}`, b) => a", "a, b"],
  ["(a = String.raw`)`, b) => a", "a, b"],
  ["(a = `${1}` / 2, b = ')/') => a", "a, b"],
  // Regular expressions and divisions
  ["(a = /,/, b) => a", "a, b"],
  ["(a = /[)/]/g, b) => a", "a, b"],
  ["(a = /\\/\\)/u, b) => a", "a, b"],
  ["(a = /'/, b = /\"/, c = /`/, d) => a", "a, b, c, d"],
  ["(a = /[']/.test(')'), b) => a", "a, b"],
  ["(a = 1 / 2, b = 3 / 4) => a", "a, b"],
  ["(a = (1) / 2, b = ')' / 4) => a", "a, b"],
  ["(a = [1][0] / 2, b = ')/', c) => a", "a, b, c"],
  ["(a = ({}) / 2, b = ')/', c) => a", "a, b, c"],
  ["(a = { x: 1 } / 2, b = ')/', c) => a", "a, b, c"],
  ["(a = x++ / 2, b = ')/', c) => a", "a, b, c"],
  ["(a = b.return / 2, b = ')/', c) => a", "a, b, c"],
  ["(a = () => { if (b) /[)}]/.test(b); }, b) => a", "a, b"],
  ["(a = () => { while (b) /[)}]/.test(b); }, b) => a", "a, b"],
  ["(a = () => { {} /[)}]/.test(b); }, b) => a", "a, b"],
  ["(a = () => { return /[)}]/; }, b) => a", "a, b"],
  ["(a = () => { class B {} /[)}]/.test(b); }, b) => a", "a, b"],
  ["(a = typeof /[)]/, b) => a", "a, b"],
  ["(a = !/[)]/.x, b) => a", "a, b"],
  ["(a = b && /[)]/, b) => a", "a, b"],
  ["(a = b => /[)]/, b) => a", "a, b"],
  // Comments
  ["(a /* , c */, b) => a", "a, b"],
  ["(a, // , c)\n b) => a", "a, b"],
  ["(/* ) */ a, b) => a", "a, b"],
  ["(/**/) => 1", ""],
  ["(a = 1 /* ' */, b /* ` */) => a", "a, b"],
  ["(a = 1 // '\n, b) => a", "a, b"],
  ["(a = 1 //\u2028, b) => a", "a, b"],
  ["function /* ( */ f /* ( */ ( /* ) */ a /* ) */ ) {}", "a"],
  ["async /* ( */ (a) => a", "a"],
  ["/* x */ a /* y */ => a", "a"],
  // Rest and destructuring
  ["(...a) => a", "...a"],
  ["(a, ...b) => a", "a, ...b"],
  ["function f(a, b = 1, ... rest) {}", "a, b, ...rest"],
  ["({ a, b }) => a", "arg0"],
  ["([a, b]) => a", "arg0"],
  ["({ a, b }, c) => a", "arg0, c"],
  ["(a, { b, c }, d) => a", "a, arg1, d"],
  ["(a, [b, [c, d]], { e: { f = 1, ...g } }, h) => a", "a, arg1, arg2, h"],
  ["({ a = ')', b: [c] = [',', '('] } = {}, d) => a", "arg0, d"],
  ["({ [`${'}'}`]: a }, b) => a", "arg0, b"],
  ["(a, ...[b, c]) => a", "a, ...arg1"],
  ["(...{ length }) => 1", "...arg0"],
  ["({ a }, arg0) => a", "arg0, arg1"],
  ["(arg1, { a }) => a", "arg1, arg1_"],
  ["(arg2, arg1) => 1", "arg2, arg1"],
  // Methods, accessors, private and computed names
  ["({ m(a, b) {} }).m", "a, b"],
  ["({ async m(a) {} }).m", "a"],
  ["({ *m(a) {} }).m", "a"],
  ["({ async *m(a) {} }).m", "a"],
  ["({ m: function (a) {} }).m", "a"],
  ["({ m: (a) => 1 }).m", "a"],
  ["({ 'a(b, c)'(d) {} })['a(b, c)']", "d"],
  ["({ 'it\\'s ('(a) {} })['it\\'s (']", "a"],
  ["({ 1(a) {} })[1]", "a"],
  ["({ .5(a) {} })[0.5]", "a"],
  ["({ 0x10(a) {} })[16]", "a"],
  ["({ 1n(a) {} })[1]", "a"],
  ["({ [Symbol.iterator](a) {} })[Symbol.iterator]", "a"],
  ["({ [((x, y) => 'k')(1, 2)](a) {} }).k", "a"],
  ["({ ['a' + `${')'}`](b) {} })['a)']", "b"],
  ["({ async [`k`](b) {} }).k", "b"],
  ["({ *[[['k'], ']'][0]](b) {} }).k", "b"],
  ["({ get(a) {} }).get", "a"],
  ["({ set(a, b) {} }).set", "a, b"],
  ["({ static(a) {} }).static", "a"],
  ["({ async(a) {} }).async", "a"],
  ["({ await(a) {} }).await", "a"],
  ["({ function(a) {} }).function", "a"],
  ["({ class(a) {} }).class", "a"],
  ["({ async class(a) {} }).class", "a"],
  ["({ constructor(a) {} }).constructor", "a"],
  ["({ new(a) {} }).new", "a"],
  ["({ if(a) {} }).if", "a"],
  ["({ get x() { return 1; } }, Object.getOwnPropertyDescriptor({ get x() { return 1; } }, 'x').get)", ""],
  ["Object.getOwnPropertyDescriptor({ set x(value) {} }, 'x').set", "value"],
  ["Object.getOwnPropertyDescriptor({ set ['x'](value = 1) {} }, 'x').set", "value"],
  ["Object.getOwnPropertyDescriptor({ set x({ a }) {} }, 'x').set", "arg0"],
  ["class { m(a, b) {} }.prototype.m", "a, b"],
  ["class { static m(a, b) {} }.m", "a, b"],
  ["class { static async *m(a, b) {} }.m", "a, b"],
  ["class { static static(a) {} }.static", "a"],
  ["class { static #p(a, ...b) {} static get() { return this.#p; } }.get()", "a, ...b"],
  ["class { static async #p(a) {} static get() { return this.#p; } }.get()", "a"],
  ["new (class { f = (a, b) => 1; })().f", "a, b"],
  ["new (class { f = async a => 1; })().f", "a"],
  // Classes
  ["class {}", ""],
  ["class A {}", ""],
  ["class A { constructor() {} }", ""],
  ["class A { constructor(a, b = 1, ...c) {} }", "a, b, ...c"],
  ["class A { 'constructor'(a) {} }", "a"],
  ["class A { m(x) { if (x) /[}]/.test(x); return x / 2; } constructor(a) {} }", "a"],
  ["class A { static constructor(x) {} constructor(a) {} }", "a"],
  ["class A { static async constructor(x) {} static *constructor(y) {} }", ""],
  ["class A { x = this.constructor(1); constructor(a) {} }", "a"],
  ["class A { x = { constructor(y) {} }; constructor(a) {} }", "a"],
  ["class A { m() { class B { constructor(x) {} } } constructor(a) {} }", "a"],
  ["class A { static { function constructor(x) {} } constructor(a) {} }", "a"],
  ["class A { ['constructor'](x) {} }", ""],
  ["class A { #x = `}`; /* constructor(b) */ constructor(a) {} }", "a"],
  ["class A extends Object { constructor(a) { super(); } }", "a"],
  ["class A extends class { constructor(x, y) {} } {}", "x, y"],
  ["class A extends class B { constructor(x, y) {} } { constructor(a) { super(); } }", "a"],
  ["class A extends (class { constructor(x) {} }) { constructor(a) { super(); } }", "a"],
  ["class A extends function (x) {} { constructor(a) { super(); } }", "a"],
  ["class A extends ((base, o) => base)(class {}, { a: [1] }) { constructor(a) { super(); } }", "a"],
  ["class A extends class { constructor(x) {} } { m(y) {} }", "x"],
  ["class A extends (class { static class = Object }).class { constructor(a) { super(); } }", "a"],
  ["class A extends null {}", "-"],
  ["class A extends Array {}", "-"],
  // Identifiers
  ["(ünïcode, 变量, переменная) => 1", "ünïcode, 变量, переменная"],
  ["(𝒳, 𠮷) => 1", "𝒳, 𠮷"],
  ["(a\u200d, b) => 1", "a\u200d, b"],
  ["(\\u0061bc, \\u{1d4b3}y, z\\u{61}) => 1", "abc, 𝒳y, za"],
  ["(__proto__) => 1", "arg0"],
  ["(a, __proto__) => 1", "a, arg1"],
  ["(constructor, toString, hasOwnProperty) => 1", "constructor, toString, hasOwnProperty"],
  ["function f(a, a, b) {}", "a, arg1, b"],
  ["(let_, static_, arguments_) => 1", "let_, static_, arguments_"],
  ["function f(let, static, yield, await, async, of, get, set) {}", "let, static, yield, await, async, of, get, set"],
  // As compilers write them
  ["function f(a_1) { return __awaiter(this, arguments, void 0, function* (a, b = 5) {}); }", "a_1"],
  ["function f(_a, _b) { var a = _a.a; var b = _b === void 0 ? 1 : _b; }", "_a, _b"],
  ["(a        , b        = 1, ...c          )          => a", "a, b, ...c"],
  ["(a=(cov().b[0][0]++,{x:1}),b=(cov().b[1][0]++,')'))=>{}", "a, b"],
  // Nothing to read
  ["Math.max", "-"],
  ["Array", "-"],
  ["Function.prototype", "-"],
  ["(function f(a, b) {}).bind(null)", "-"],
  ["new Proxy(function f(a, b) {}, {})", "-"],
  ["Object.getOwnPropertyDescriptor(Map.prototype, 'size').get", "-"],
  ["new Proxy(class { constructor(a) {} }, {})", "-"],
];

for (const [source, parameters] of table) {
  test(`${source.replaceAll("\n", "⏎")} has (${parameters})`, () => {
    assert.equal(shown(run(`(${source})`)), parameters);
  });
}

test("functions as this compiler writes them", () => {
  class Service {
    #secret(a: number, b = 2): number {
      return a + b;
    }
    get secret(): Function {
      return this.#secret;
    }
    static async *stream(this: unknown, prompt: string, ...rest: unknown[]): AsyncGenerator {
      yield [prompt, rest];
    }
    arrow = async <T>(value: T, { deep = [1, 2] }: { deep?: number[] } = {}): Promise<unknown> => [value, deep];
  }
  const service = new Service();
  assert.equal(shown(service.secret), "a, b");
  assert.equal(shown(Service.stream), "prompt, ...rest");
  assert.equal(shown(service.arrow), "value, arg1");
});

test("the answer is kept per function", () => {
  const fn = (a: number): number => a;
  assert.equal(parameterNames(fn), parameterNames(fn));
  assert.equal(parameterNames(Math.max), undefined);
});

test("the source is read from the engine, not from a toString of the function's own", () => {
  const fn = Object.assign((a: number) => a, { toString: () => "(x, y) => 1" });
  assert.equal(shown(fn), "a");
});

test("what is no function is undefined", () => {
  for (const value of [undefined, null, 1, "function (a) {}", {}, Object.create(Function.prototype)]) {
    assert.equal(parameterNames(value as Function), undefined);
  }
});

test("a deeply nested default is read without recursion", () => {
  const deep = (open: string, close: string, times: number): string => open.repeat(times) + close.repeat(times);
  assert.equal(shown(run(`(a = ${deep("[", "]", 1000)}, b) => 1`)), "a, b");
  assert.equal(shown(run(`(a = ${deep("`${", "}`", 500).replace("${}", "${1}")}, b) => 1`)), "a, b");
});

test("long sources are read in one pass", () => {
  const list = Array.from({ length: 20_000 }, (_, i) => `p${i} = "${"x".repeat(20)}" /* , */`).join(", ");
  assert.equal(parameterNames(run(`(function (${list}) {})`))?.names.length, 20_000);
  assert.equal(shown(run(`(function (a = ${JSON.stringify("x".repeat(1_000_000))}, b) {})`)), "a, b");
  assert.equal(shown(run(`(function (${" ".repeat(1_000_000)} a /*${"*".repeat(1_000_000)}*/, b) {})`)), "a, b");
});

/** Every function that can be reached from a value, without calling anything. */
function functionsOf(root: unknown, limit: number): Set<Function> {
  const seen = new Set<unknown>();
  const found = new Set<Function>();
  const queue = [root];
  for (const value of queue) {
    if (found.size >= limit) break;
    if ((typeof value !== "object" && typeof value !== "function") || value === null || seen.has(value)) continue;
    seen.add(value);
    if (typeof value === "function") found.add(value);
    for (const { value: next, get, set } of Object.values(Object.getOwnPropertyDescriptors(value))) {
      queue.push(next, get, set);
    }
    queue.push(Object.getPrototypeOf(value));
  }
  return found;
}

/** `length` counts the parameters before the first default or rest: the engine's own reading. */
function agreesWithEngine(fn: Function): boolean {
  const length = Object.getOwnPropertyDescriptor(fn, "length")?.value;
  const found = parameterNames(fn);
  // `promisify` gives its `(...args)` the length of the original.
  if (found === undefined || found.rest || typeof length !== "number") return true;
  return found.names.length >= length;
}

test("real functions: Node's modules", () => {
  const require = createRequire(import.meta.url);
  const names = builtinModules.filter((name) => !/^_|punycode|sys|inspector|wasi|trace_events|node:/.test(name));
  let read = 0;
  for (const fn of functionsOf(
    names.map((name) => require(name)),
    10_000,
  )) {
    assert.ok(agreesWithEngine(fn), Function.prototype.toString.call(fn).slice(0, 300));
    if (parameterNames(fn) !== undefined) read++;
  }
  assert.ok(read > 1500, `read ${read}`);
});

test("real functions: the openai client", () => {
  const all = functionsOf([OpenAI, new OpenAI({ apiKey: "none" })], 10_000);
  const unread = [];
  for (const fn of all) {
    const source = Function.prototype.toString.call(fn);
    assert.ok(agreesWithEngine(fn), source.slice(0, 300));
    const isNative = source.endsWith("{ [native code] }");
    if (parameterNames(fn) === undefined && !isNative && !/^class \w+ extends (Error|Map|Set|Array)\b/.test(source)) {
      unread.push(source.slice(0, 100));
    }
  }
  assert.ok(all.size > 500, `${all.size} functions`);
  assert.deepEqual(unread, []);
  assert.equal(shown(OpenAI.prototype.post), "path, opts");
});

const named: [source: string, args: unknown[], expected: Record<string, unknown> | undefined][] = [
  ["(a, b) => 1", [], undefined],
  ["(...a) => 1", [], undefined],
  ["(a, b) => 1", [1, 2], { a: 1, b: 2 }],
  ["(a, b) => 1", [1], { a: 1 }],
  ["(a, b) => 1", [undefined], { a: undefined }],
  ["(a, b = 5) => 1", [1], { a: 1 }],
  ["() => 1", [1, 2], { arg0: 1, arg1: 2 }],
  ["a => 1", [1, 2, 3], { a: 1, arg1: 2, arg2: 3 }],
  ["arg1 => 1", [1, 2], { arg1: 1, arg1_: 2 }],
  ["(...a) => 1", [1, 2], { a: [1, 2] }],
  ["(a, ...b) => 1", [1, 2, 3], { a: 1, b: [2, 3] }],
  ["(a, ...b) => 1", [1], { a: 1 }],
  ["(a, ...[b]) => 1", [1, 2], { a: 1, arg1: [2] }],
  ["({ x }, y) => 1", [{ x: 1 }, 2], { arg0: { x: 1 }, y: 2 }],
  ["Math.max", [1, 2], { arg0: 1, arg1: 2 }],
  ["(__proto__) => 1", [{ polluted: true }], { arg0: { polluted: true } }],
  ["function f(a, a) {}", [1, 2], { a: 1, arg1: 2 }],
];

for (const [source, args, expected] of named) {
  test(`${source} called with ${JSON.stringify(args)}`, () => {
    const got = namedArguments(run(`(${source})`), args);
    assert.deepEqual(got, expected);
    assert.equal((got as { polluted?: unknown } | undefined)?.polluted, undefined);
  });
}

test("arguments objects are taken too, and values keep their identity", () => {
  const value = {};
  const args = (function (..._: unknown[]): IArguments {
    // biome-ignore lint/complexity/noArguments: an arguments object is what is tested
    return arguments;
  })(value, 2, 3);
  const got = namedArguments(run("((a, ...b) => 1)"), args);
  assert.equal(got?.["a"], value);
  assert.deepEqual(got?.["b"], [2, 3]);
});
