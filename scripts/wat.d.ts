/** The module of TypeScript that has `word-hashes.wat` as WebAssembly. */
export function wordHashesModule(): Promise<string>;
