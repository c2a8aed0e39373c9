/**
 * Leaving the page: what was accepted and is not stored as far as the page knows is written to the journal, by the page
 * itself, for its worker may be gone before it has read a message. Loaded after the hoard is open, so that a page that is
 * never left with something to do never waits for it.
 *
 * A page that goes away is given no time: the transaction gets all its records in one burst and is told to commit, and
 * the browser does the rest.
 */
import type { Channel, Journal } from "./channel.js";
import { journalKey, journalRecord } from "./journal.js";
import type { Entry } from "./outbox.js";

const STORE = "journal";

/** What is written in one burst; the newest writes are left out beyond that. */
const BYTES_MAX = 16 << 20;

/** How long after the first of them was stored records are removed again. */
const REMOVED_MS = 1000;

/** The longest that a refused write waits for its record to be removed. */
const ERASED_MS = 2000;

/** See the module. */
export class Leaving implements Journal {
  readonly #channel: Channel;
  readonly #name: string;
  #database: IDBDatabase | undefined;
  #opening = false;
  /** Whether a connection is wanted. */
  #wanted = false;
  /** Keys of records of writes that are stored meanwhile. */
  #stored: ArrayBuffer[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: Channel, name: string) {
    this.#channel = channel;
    this.#name = name;
    channel.journal = this;
  }

  /** Gets ready, and removes what the journal need not have any more. */
  open(): void {
    this.#wanted = true;
    if (this.#database !== undefined) return this.#remove();
    if (this.#opening) return;
    this.#opening = true;
    this.#channel.hold();
    const opened = (): void => {
      this.#opening = false;
      this.#channel.release();
    };
    let request: IDBOpenDBRequest;
    try {
      // No version is named: it is as the engine made it.
      request = indexedDB.open(this.#name);
    } catch {
      return opened();
    }
    // There is none, or it was just deleted: to make one is the engine's business.
    request.onupgradeneeded = () => request.transaction?.abort();
    request.onerror = (event) => {
      event.preventDefault();
      opened();
    };
    request.onsuccess = () => {
      const database = request.result;
      if (this.#wanted && database.objectStoreNames.contains(STORE)) {
        this.#database = database;
        database.onversionchange = () => this.close();
        database.onclose = () => this.close();
        this.#remove();
      } else {
        database.close();
      }
      opened();
    };
  }

  /** Lets go of the database until {@link open}. */
  close(): void {
    this.#wanted = false;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#database?.close();
    this.#database = undefined;
  }

  /** Ends it, with the hoard. */
  end(): void {
    this.#remove();
    this.close();
    this.#channel.journal = undefined;
  }

  /** The page may go away now. */
  leave(): void {
    this.#remove();
    void this.write(this.#channel.waiting());
  }

  /** See {@link Journal}. All is sent before this returns. */
  write(entries: readonly Entry[]): Promise<boolean> {
    const missing = entries.filter(({ journaled }) => !journaled);
    if (missing.length === 0) return Promise.resolve(true);
    const records: [Entry, ArrayBuffer, ArrayBuffer][] = [];
    let bytes = 0;
    for (const entry of missing) {
      const key = journalKey(this.#channel.writer, entry.seq);
      const record = journalRecord(entry, key);
      bytes += record.byteLength;
      // Not one after a gap, either: it may build on what is missing.
      if (bytes > BYTES_MAX && records.length > 0) break;
      records.push([entry, key, record]);
    }
    for (const [entry] of records) entry.journaled = true;
    return this.#change((store) => {
      for (const [, key, record] of records) store.put(record, key);
    }).then((written) => {
      if (!written) for (const [entry] of records) entry.journaled = false;
      return written && records.length === missing.length;
    });
  }

  /** See {@link Journal}. */
  async erase(entry: Entry): Promise<void> {
    const erased = this.#change((store) => store.delete(journalKey(this.#channel.writer, entry.seq)));
    await Promise.race([erased, new Promise((resolve) => setTimeout(resolve, ERASED_MS))]);
  }

  /** See {@link Journal}. */
  stored(entry: Entry): void {
    this.#stored.push(journalKey(this.#channel.writer, entry.seq));
    this.#timer ??= setTimeout(() => this.#remove(), REMOVED_MS);
  }

  #remove(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#stored.length === 0 || this.#database === undefined) return;
    const keys = this.#stored.splice(0);
    void this.#change((store) => {
      for (const key of keys) store.delete(key);
    }).then((removed) => {
      // The next open removes what stays.
      if (!removed) this.#stored.push(...keys);
    });
  }

  /** Makes changes in one transaction. Resolves to whether they are committed. */
  #change(make: (store: IDBObjectStore) => void): Promise<boolean> {
    const database = this.#database;
    if (database === undefined) return Promise.resolve(false);
    return new Promise((resolve) => {
      try {
        const transaction = database.transaction(STORE, "readwrite", { durability: "relaxed" });
        transaction.oncomplete = () => resolve(true);
        transaction.onabort = () => resolve(false);
        // It ends in an abort, which is answer enough.
        transaction.onerror = (event) => event.preventDefault();
        try {
          make(transaction.objectStore(STORE));
          transaction.commit();
        } catch {
          transaction.abort();
        }
      } catch {
        // A connection that is closing without an event.
        if (this.#database === database) this.close();
        resolve(false);
      }
    });
  }
}
