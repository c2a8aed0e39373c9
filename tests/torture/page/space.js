// Writing until there is no space left, and what can still be done then.
import { itemBytes } from "./bytes.js";
import { log } from "./remote.js";
import { current } from "./store.js";

const ITEMS = 10;

const fields = (error) => ({ name: error?.name, code: error?.code, message: error?.message, retryable: error?.retryable, needsReload: error?.needsReload });

/** What becomes of a call, and when. */
async function outcome(promise) {
  const began = performance.now();
  try {
    const result = await promise;
    return { ok: true, result, ms: performance.now() - began };
  } catch (error) {
    return { ok: false, ...fields(error), ms: performance.now() - began };
  }
}

/**
 * Appends items of a size, ten a session, up to item `to` or until one is refused: that was item `n`, all before it are committed. `created`
 * says whether its session is.
 */
export async function fill({ size, from, to = Infinity }) {
  const hoard = current();
  for (let n = from; n < to; n += 1) {
    const id = `f${Math.floor(n / ITEMS)}`;
    if (n % ITEMS === 0) {
      const { ok, ...refused } = await outcome(hoard.sessions.put({ id, n }));
      if (!ok) return { n, refused };
    }
    const { ok, ...refused } = await outcome(hoard.list(id, "items").append({ n, size, bytes: itemBytes(n, size) }));
    if (!ok) return { n, refused };
  }
  return { n: to };
}

/** Appends one item to a session; `ack` as the package takes it. */
export function add({ id, n, size, ack }) {
  return outcome(current().list(id, "items").append({ n, size, bytes: itemBytes(n, size) }, ack && { ack }));
}

export function remove(ids) {
  return outcome(current().sessions.deleteMany(ids));
}

export function collectNow() {
  return outcome(current().collect({ graceMs: 0 }).done);
}

export function lengthOf(id) {
  return outcome(current().list(id, "items").length());
}

/** Tells the test of the hoard's events from now on. */
export function watch() {
  for (const type of ["quota", "healed", "loss", "failed", "blocked"]) {
    current().addEventListener?.(type, ({ detail }) => log({ event: type, error: detail?.error ? fields(detail.error) : null, waiting: detail?.waiting, cause: detail?.cause }));
  }
  return typeof current().addEventListener === "function";
}
