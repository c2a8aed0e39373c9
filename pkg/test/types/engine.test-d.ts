// The engine's methods as this package writes them down (src/engine.ts), and as they were generated from the Rust
// sources (src/wasm/hoardb.d.ts), are the same. The structures that they take and return are declared in src/engine.ts
// only.
import type * as Ours from "../../src/engine.js";
import type * as Generated from "../../src/wasm/hoardb.js";
import { assertType, type Same } from "./assert.js";

type Method<T, K extends PropertyKey> =
  K extends keyof T ?
    T[K] extends (...args: never[]) => unknown ?
      T[K]
    : never
  : never;

/** For each method of ours whether the generated one takes and returns the same. */
type Agreement<Mine, Theirs> = {
  [K in keyof Mine]: [
    Same<Parameters<Method<Mine, K>>, Parameters<Method<Theirs, K>>>,
    Same<ReturnType<Method<Mine, K>>, ReturnType<Method<Theirs, K>>>,
  ];
};
type Agreed<Mine> = { [K in keyof Mine]: [true, true] };

// Jobs are compared by themselves: one is an interface, the other a class. The generated upload takes an array of
// numbers too.
type Plain = Omit<Ours.Engine, "collect" | "verify" | "optimize" | "reindex" | "housekeeping" | "uploadPart">;
assertType<Same<Parameters<Generated.Engine["uploadPart"]>, [name: string, bytes: Uint8Array | number[]]>>();
assertType<Same<Agreement<Plain, Generated.Engine>, Agreed<Plain>>>();
assertType<Same<Parameters<Ours.Engine["collect"]>, Parameters<Generated.Engine["collect"]>>>();
assertType<Same<Parameters<Ours.Engine["verify"]>, Parameters<Generated.Engine["verify"]>>>();
assertType<Same<Parameters<Ours.Engine["housekeeping"]>, Parameters<Generated.Engine["housekeeping"]>>>();
assertType<Same<ReturnType<Generated.Engine["housekeeping"]>, Generated.Job>>();
assertType<Same<ReturnType<Generated.Engine["collect"]>, Generated.Job>>();
assertType<Same<ReturnType<Generated.Engine["verify"]>, Generated.Job>>();
assertType<Same<Parameters<Ours.Engine["optimize"]>, Parameters<Generated.Engine["optimize"]>>>();
assertType<Same<Parameters<Ours.Engine["reindex"]>, Parameters<Generated.Engine["reindex"]>>>();
assertType<Same<ReturnType<Generated.Engine["optimize"]>, Generated.Job>>();
assertType<Same<ReturnType<Generated.Engine["reindex"]>, Generated.Job>>();
assertType<Same<Agreement<Ours.EngineJob, Generated.Job>, Agreed<Ours.EngineJob>>>();
assertType<Same<Parameters<Ours.EngineClass["open"]>, Parameters<typeof Generated.Engine.open>>>();
assertType<Same<ReturnType<typeof Generated.Engine.open>, Promise<Generated.Engine>>>();

// Nothing generated is missing here, either.
type Known = keyof Ours.Engine | "free" | typeof Symbol.dispose;
assertType<Same<Exclude<keyof Generated.Engine, Known>, never>>();
