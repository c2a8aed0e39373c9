// Reads a session chunk by chunk and lets it be seen while it is still coming in.

import { signal } from "@preact/signals";
import type { RecorderHoard } from "../hoard";
import { listNames, type ListName, type SessionMeta } from "../schema";
import { Sections, sectionLength, type Placed } from "./moments";

/** A stretch of a list that could not be read; everything else still is. */
export interface Gap {
  list: ListName;
  from: number;
  to: number;
  problem: string;
}

const redrawEveryMs = 120;

export class Timeline {
  readonly sections: Sections;
  /** Raised when there is more to see. */
  readonly revision = signal(0);
  readonly loaded = signal(0);
  /** Items stored when the reading began; 0 until that is known. */
  readonly total = signal(0);
  readonly complete = signal(false);
  readonly gaps = signal<readonly Gap[]>([]);
  readonly error = signal<unknown>(null);
  readonly counts: Record<ListName, number> = { screenshots: 0, audio: 0, notes: 0, messages: 0, files: 0 };

  readonly #hoard: RecorderHoard;
  readonly #id: string;
  readonly #next: Record<ListName, number> = { screenshots: 0, audio: 0, notes: 0, messages: 0, files: 0 };
  readonly #abort = new AbortController();
  #reading: Promise<void> | null = null;
  #readAgain = false;
  #redrawAsked = false;
  #redrawnAt = -redrawEveryMs;

  constructor(hoard: RecorderHoard, meta: SessionMeta) {
    this.#hoard = hoard;
    this.#id = meta.id;
    const started = meta.startedAt.getTime();
    // Of a session in progress the length is unknown: short sections suit what one watches growing.
    const length = meta.endedAt ? meta.endedAt.getTime() - started : 10 * 60_000;
    this.sections = new Sections(started, sectionLength(length));
  }

  /** Reads what is there, or what has come since. Calls while it reads are answered by one more round. */
  read(): Promise<void> {
    if (this.#reading) this.#readAgain = true;
    this.#reading ??= this.#readAll().finally(() => {
      this.#reading = null;
      if (this.#readAgain && !this.#abort.signal.aborted) {
        this.#readAgain = false;
        void this.read();
      }
    });
    return this.#reading;
  }

  /** Stops reading; nothing is shown after this. */
  close(): void {
    this.#abort.abort();
  }

  async #readAll(): Promise<void> {
    try {
      const lengths = await Promise.all(listNames.map((name) => this.#hoard.list(this.#id, name).length()));
      this.total.value = lengths.reduce((sum, length) => sum + length, 0);
      await Promise.all(listNames.map((name, i) => (lengths[i] ?? 0) > this.#next[name] && this.#readList(name)));
      this.complete.value = true;
      this.error.value = null;
    } catch (error) {
      if (!this.#abort.signal.aborted) this.error.value = error;
    }
  }

  async #readList(name: ListName): Promise<void> {
    const list = this.#hoard.list(this.#id, name);
    for await (const chunk of list.chunks({ from: this.#next[name], signal: this.#abort.signal })) {
      if (chunk.error) {
        const gap: Gap = { list: name, from: chunk.from, to: chunk.to, problem: chunk.error.message };
        this.gaps.value = [...this.gaps.value, gap];
      }
      chunk.items.forEach((item, i) => {
        this.sections.add({ list: name, index: chunk.from + i, item } as Placed);
        this.counts[name] += 1;
      });
      this.#next[name] = chunk.to;
      this.loaded.value += chunk.to - chunk.from;
      this.#redraw();
    }
  }

  /** At once for the first chunk, then at most every so often, however fast chunks come. */
  #redraw(): void {
    if (this.#redrawAsked) return;
    this.#redrawAsked = true;
    const draw = () => {
      this.#redrawAsked = false;
      this.#redrawnAt = performance.now();
      this.revision.value += 1;
    };
    const wait = this.#redrawnAt + redrawEveryMs - performance.now();
    if (wait > 0) setTimeout(draw, wait);
    else requestAnimationFrame(draw);
  }
}
