/** True when `A` and `B` are the same type, not only assignable. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Compiles when its argument is true: `same<Equal<typeof x, string>>(true)`. */
export declare function same<T extends true>(yes: T): void;
