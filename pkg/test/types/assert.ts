// Assertions that the compiler checks.

/** Whether two types are the same, `any` being the same as `any` only. */
export type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile unless its argument is true. */
export function assertType<_T extends true>(): void {}

/** The type of an expression, for {@link Same}. */
export type Awaitable<T> = T extends Promise<infer R> ? R : never;
