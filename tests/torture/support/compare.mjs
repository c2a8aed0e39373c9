// Finds the state of the plan that is stored.
import { createHash } from "node:crypto";
import { apply, attachmentBytes, canonicalSession, operation } from "../page/plan.js";

/** How many operations may have been committed beyond the last that the test heard of. */
const UNHEARD_MAX = 1000;

const hashes = new Map();

/** Attachments of the plan become what the page tells of stored ones. */
function asRead(value) {
  if (!("@" in value)) return undefined;
  const n = value["@"];
  if (!hashes.has(n)) {
    const bytes = attachmentBytes(n);
    hashes.set(n, { "@": createHash("sha256").update(bytes).digest("hex"), size: bytes.length });
  }
  return hashes.get(n);
}

/**
 * How many operations of the plan are in what `look` told: at least `least`. All before that one took effect entirely, none
 * after it did. Throws when there is no such number, with what differs.
 */
export function stateOf({ seed, from, sessions, least, read }) {
  const state = new Map(Object.entries(sessions));
  const found = new Map(Object.entries(read.sessions).map(([id, session]) => [id, canonicalSession(session)]));
  const differing = new Set();
  const compare = (id) => {
    const expected = state.has(id) ? canonicalSession(state.get(id), asRead) : undefined;
    if (expected === found.get(id)) differing.delete(id);
    else differing.add(id);
  };
  for (const id of new Set([...state.keys(), ...found.keys()])) compare(id);
  let difference = "";
  for (let n = from; ; n += 1) {
    if (n >= least && differing.size === 0) return { stored: n, sessions: Object.fromEntries(state) };
    if (n === least) difference = describe(state, found, differing);
    if (n === least + UNHEARD_MAX) throw new Error(`what is stored is no state from operation ${least} on. There: ${difference}`);
    for (const id of apply(state, operation(seed, n, state))) compare(id);
  }
}

function describe(state, found, differing) {
  const parts = [];
  for (const id of differing) {
    if (!state.has(id)) parts.push(`${id} should be deleted`);
    else if (!found.has(id)) parts.push(`${id} is missing`);
    else {
      const expected = canonicalSession(state.get(id), asRead);
      const read = found.get(id);
      let at = 0;
      while (expected[at] === read[at]) at += 1;
      const from = Math.max(0, at - 80);
      parts.push(`${id} should be …${expected.slice(from, at + 120)}… and is …${read.slice(from, at + 120)}…`);
    }
  }
  return parts.join("; ");
}
