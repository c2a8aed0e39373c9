/**
 * Collecting and merging in the background, when there is nothing else to do.
 *
 * Of all tabs one does it: the holder of a Web Lock. The lock chooses and protects nothing, for a frozen tab keeps it: the
 * engine's transactions check that nobody else has taken over since.
 */
import type { Engine } from "./engine.js";

/** When the first round begins after opening, and how long after a round the next one. */
const FIRST_MS = 60_000;
const NEXT_MS = 600_000;

/** Without a call for so long the engine counts as idle. */
const QUIET_MS = 5000;

/** See the module. */
export class Housekeeping {
  readonly #engine: Engine;
  readonly #due: () => void;
  #release = (): void => {};
  #lastCall = Date.now();
  #stopped = false;
  /** What the engine checks to know that nobody else has taken over. */
  #fence: string | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wake = (): void => {};
  #idle = (): void => {};
  /** The round that is under way. */
  #round: Promise<void> = Promise.resolve();

  /** `due` asks the page to call {@link idle} when it is. */
  constructor(engine: Engine, name: string, due: () => void) {
    this.#engine = engine;
    this.#due = due;
    const ended = new Promise<void>((resolve) => (this.#release = resolve));
    const locks = (globalThis.navigator as Navigator | undefined)?.locks;
    // Where there are no locks every tab does it, one after the other: each takes over from the one before.
    const own = async (): Promise<void> => {
      await Promise.race([this.#keep(), ended]);
    };
    (locks === undefined ? own() : locks.request(`hoardb:${name}:background`, own)).catch(() => {});
  }

  /** A call came. */
  called(): void {
    this.#lastCall = Date.now();
  }

  /** The page has nothing to do. */
  idle(): void {
    this.#idle();
  }

  /** Ends it. Resolves when the step under way is over. */
  stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#wake();
    this.#idle();
    this.#release();
    return this.#round;
  }

  async #keep(): Promise<void> {
    for (let wait = FIRST_MS; !this.#stopped; wait = NEXT_MS) {
      await this.#sleep(wait);
      if (this.#stopped) return;
      await (this.#round = this.#run());
    }
  }

  async #run(): Promise<void> {
    try {
      await this.#untilIdle();
      if (this.#stopped) return;
      this.#fence ??= await this.#engine.background();
      const job = this.#engine.housekeeping(this.#fence);
      for (let begun = Date.now(), done = false; !done && !this.#stopped;) {
        ({ done } = await job.step());
        // What somebody waits for goes first.
        if (!done && this.#lastCall >= begun) {
          await this.#untilIdle();
          begun = Date.now();
        }
      }
      if (this.#stopped) job.cancel();
    } catch {
      // Another tab took over, or the store cannot do it now: it is somebody else's turn.
      this.#stopped = true;
      this.#release();
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#timer = setTimeout(resolve, ms);
    });
  }

  async #untilIdle(): Promise<void> {
    let asked = false;
    let idle = false;
    while (!idle && !this.#stopped) {
      const quiet = this.#lastCall + QUIET_MS - Date.now();
      if (quiet <= 0) return;
      if (!asked) this.#due();
      asked = true;
      const told = new Promise<void>((resolve) => {
        this.#idle = () => {
          idle = true;
          resolve();
        };
      });
      await Promise.race([told, this.#sleep(quiet)]);
    }
    clearTimeout(this.#timer);
  }
}
