// What the suites share: fresh hoards, what IndexedDB holds beneath them, and readable assertions.
import { assert } from "chai";
import {
  HoardError,
  openHoard,
  type Hoard,
  type HoardErrorCode,
  type HoardOptions,
  type Schema,
  type AnySchema,
} from "hoardb";

/** Where the engine runs in this page. */
export const WORKER = new URLSearchParams(location.search).get("worker") !== "false";

const opened: { close(): Promise<void> }[] = [];
const names = new Set<string>();

/** A name that no other test uses. Its database is deleted after the test. */
export function freshName(): string {
  const name = `test ${crypto.randomUUID()}`;
  names.add(name);
  return name;
}

/** Opens a hoard that is closed after the test. */
export async function open<S extends Schema = AnySchema>(options: Partial<HoardOptions> = {}): Promise<Hoard<S>> {
  const hoard = await openHoard<S>({ name: freshName(), worker: WORKER, ...options });
  opened.push(hoard);
  return hoard;
}

afterEach(async () => {
  await Promise.all(opened.splice(0).map((hoard) => hoard.close().catch(() => {})));
  for (const name of names) await deleteDatabase(name);
  names.clear();
});

/** What is at an address, in every way in which an option takes wasm. */
export async function wasmSources(
  address: string,
): Promise<(string | URL | ArrayBuffer | Uint8Array | WebAssembly.Module)[]> {
  const bytes = await (await fetch(address)).arrayBuffer();
  return [address, new URL(address, location.href), bytes, new Uint8Array(bytes), await WebAssembly.compile(bytes)];
}

function deleteDatabase(name: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const request = indexedDB.deleteDatabase(name);
    // Blocked it may be for a moment: WebKit takes its time to let go of a closed connection.
    request.onsuccess = () => resolve();
    request.onerror = () => reject(request.error);
  });
}

/** The database beneath a hoard, as it is. */
export async function raw<T>(name: string, use: (database: IDBDatabase) => Promise<T>): Promise<T> {
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  try {
    return await use(database);
  } finally {
    database.close();
  }
}

/** A record as it is stored. */
export interface RawRecord {
  store: string;
  key: ArrayBuffer;
  value: unknown;
}

function all<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Every record of every object store. */
export function records(name: string): Promise<RawRecord[]> {
  return raw(name, async (database) => {
    const stores = [...database.objectStoreNames];
    const transaction = database.transaction(stores);
    const found = await Promise.all(
      stores.map(async (store) => {
        const objects = transaction.objectStore(store);
        const [keys, values] = await Promise.all([all(objects.getAllKeys()), all(objects.getAll())]);
        return keys.map((key, at): RawRecord => ({ store, key: key as ArrayBuffer, value: values[at] }));
      }),
    );
    return found.flat();
  });
}

/** Writes records straight into the database; a value of undefined deletes. */
export function write(name: string, changes: readonly RawRecord[]): Promise<void> {
  return raw(
    name,
    (database) =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction([...database.objectStoreNames], "readwrite");
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
        for (const { store, key, value } of changes) {
          if (value === undefined) transaction.objectStore(store).delete(key);
          else transaction.objectStore(store).put(value, key);
        }
        transaction.commit();
      }),
  );
}

/** Whether this engine stores a Blob as it is asked to. WebKitGTK's transaction completes without it, or never. */
export async function keepsBlobs(): Promise<boolean> {
  const name = freshName();
  const database = await new Promise<IDBDatabase>((resolve, reject) => {
    const request = indexedDB.open(name);
    request.onupgradeneeded = () => request.result.createObjectStore("blobs");
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
  const kept = new Promise<boolean>((resolve) => {
    const transaction = database.transaction("blobs", "readwrite");
    transaction.objectStore("blobs").put(new Blob(["x"]), 1);
    transaction.onabort = () => resolve(false);
    transaction.oncomplete = () => {
      const request = database.transaction("blobs").objectStore("blobs").get(1);
      request.onsuccess = () => resolve(request.result instanceof Blob);
      request.onerror = () => resolve(false);
    };
  });
  const late = new Promise<boolean>((resolve) => setTimeout(resolve, 3000, false));
  try {
    return await Promise.race([kept, late]);
  } finally {
    database.close();
    // A transaction that never ends would keep it from being deleted.
    names.delete(name);
  }
}

/** Puts a database back to just these records. */
export function restore(name: string, good: readonly RawRecord[]): Promise<void> {
  return raw(
    name,
    (database) =>
      new Promise((resolve, reject) => {
        const transaction = database.transaction([...database.objectStoreNames], "readwrite");
        transaction.oncomplete = () => resolve();
        transaction.onabort = () => reject(transaction.error);
        for (const store of database.objectStoreNames) transaction.objectStore(store).clear();
        for (const { store, key, value } of good) transaction.objectStore(store).put(value, key);
        transaction.commit();
      }),
  );
}

function hex(buffer: ArrayBuffer): string {
  return Array.from(new Uint8Array(buffer), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return hex(await crypto.subtle.digest("SHA-256", bytes));
}

/** What a refused write may change in `meta`: the head's generation, and the row of its writer, which says that it is decided. */
const BOOKS = ["head", "writer"].map((name) => hex(new TextEncoder().encode(name).buffer));

/**
 * One hash over all that is stored, to see whether anything changed; on request without `meta`, where the engine keeps how
 * far it is with the numbers of writes.
 */
export async function digest(name: string, meta = true): Promise<string> {
  const encoder = new TextEncoder();
  const parts: Uint8Array[] = [];
  for (const { store, key, value } of await records(name)) {
    if (store === "meta" && (!meta || BOOKS.some((name) => hex(key).startsWith(name)))) continue;
    const bytes =
      value instanceof ArrayBuffer ? new Uint8Array(value) : encoder.encode(JSON.stringify(value) ?? "undefined");
    parts.push(encoder.encode(`${store} ${hex(key)} ${bytes.length} `), bytes);
  }
  return sha256(new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer()));
}

/** Fails unless the call, or the promise that it returns, fails with this code. */
export async function fails(code: HoardErrorCode, call: () => unknown): Promise<HoardError> {
  let result: unknown;
  try {
    result = await call();
  } catch (error) {
    if (!(error instanceof HoardError)) throw error;
    assert.equal(error.code, code, error.message);
    assert.isAbove(error.message.length, 3);
    return error;
  }
  throw new Error(`it succeeded with ${String(result)}, it should have failed with ${code}`);
}

export async function collect<T>(iterable: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const entry of iterable) found.push(entry);
  return found;
}

/** Bytes that repeat nowhere and compress badly, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = seed * 2654435761 + 1;
  for (let at = 0; at < length; at += 1) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[at] = state >>> 24;
  }
  return bytes;
}

/** Nothing is wrong with what is stored. */
export async function clean<S extends Schema>(hoard: Hoard<S>): Promise<void> {
  const { findings, clean } = await hoard.verify({ full: true }).done;
  assert.deepEqual(findings, []);
  assert.equal(clean, true);
}

/** Passes as soon as the assertion holds, and fails when it does not hold in time. */
export async function eventually(assertion: () => void | Promise<void>, ms = 3000): Promise<void> {
  for (const until = performance.now() + ms; ;) {
    try {
      return await assertion();
    } catch (error) {
      if (performance.now() > until) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
