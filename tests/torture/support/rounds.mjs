// A mixed load in a browser, round after round on one profile, each round ended by force.
import { stateOf } from "./compare.mjs";

/** What the test has heard of a load: how many operations are committed, how many durable. */
export class Heard {
  committed = 0;
  durable = 0;
  operations = 0;
  collections = 0;
  flushes = 0;
  /** When the test heard of each. */
  at = [];

  constructor(page) {
    page.on("entry", ({ committed, durable, collected }) => {
      if (committed !== undefined) {
        this.operations += 1;
        this.committed = Math.max(this.committed, committed + 1);
        this.at[committed] = performance.now();
      }
      if (durable !== undefined) {
        this.flushes += 1;
        this.durable = Math.max(this.durable, durable + 1);
      }
      if (collected !== undefined) this.collections += 1;
    });
  }
}

/**
 * Reads everything that a page finds, and says which state of the plan it is: one from operation `least` on. Throws when
 * it is none, when something cannot be read, and when a full verification finds anything.
 */
export async function examine(page, { seed, sessions, least }) {
  const read = await page.call("look");
  if (read.damaged.length > 0) throw new Error(`damaged: ${JSON.stringify(read.damaged)}`);
  const listed = Object.keys(read.sessions).length;
  if (read.counted !== listed) throw new Error(`${read.counted} sessions are counted, ${listed} listed`);
  const state = stateOf({ seed, from: 0, sessions, least, read });
  const { clean, findings } = await page.call("verify");
  if (!clean) throw new Error(`verify: ${JSON.stringify(findings)}`);
  return state;
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
