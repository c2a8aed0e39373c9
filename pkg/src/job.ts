/**
 * Long work: how far it is, and how to pause, resume and cancel it.
 */
import type { Channel } from "./channel.js";
import type { Progress } from "./engine.js";
import { HoardError } from "./errors.js";

/** A running job. It starts by itself and goes on in small steps, between which reads and writes have their turn. */
export class Job<Report> extends EventTarget {
  /** The report when the job has finished; rejects with `Cancelled` after {@link cancel}, or with what it failed of. */
  readonly done: Promise<Report>;
  /**
   * How far it is, each time that changes; a slow reader gets the latest. Ends when the job ends, with its error if it
   * fails.
   *
   * ```ts
   * for await (const { phase, done, total, unit } of job.progress) …
   * ```
   *
   * The job is also an EventTarget: each `progress` event carries the same in its `detail`.
   */
  readonly progress: AsyncIterable<Progress> = { [Symbol.asyncIterator]: () => this.#follow() };
  readonly #channel: Channel;
  #latest: Progress | undefined;
  #finished = false;
  #cancelled = false;
  #paused = false;
  /** Settled and made anew at each change, for whoever waits for one. */
  #change = signal();

  /** @internal */
  constructor(channel: Channel, number: Promise<number>) {
    super();
    this.#channel = channel;
    this.done = this.#run(number).finally(() => {
      this.#finished = true;
      this.#changed();
    });
  }

  /** Whether it is held by {@link pause}. */
  get paused(): boolean {
    return this.#paused;
  }

  /** Stops after the step that is under way, until {@link resume}. */
  pause(): void {
    this.#paused = true;
  }

  /** Goes on after {@link pause}. */
  resume(): void {
    this.#paused = false;
    this.#changed();
  }

  /**
   * Ends the job after the step that is under way. What it has done stays done; {@link done} rejects with `Cancelled`.
   */
  cancel(): void {
    this.#cancelled = true;
    // Whoever cancels need not listen to what becomes of it.
    this.done.catch(() => {});
    this.#changed();
  }

  /** Calls back with each `progress` event; its `detail` is a {@link Progress}. */
  override addEventListener(
    type: "progress",
    listener: (event: CustomEvent<Progress>) => void,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: AddEventListenerOptions | boolean,
  ): void;
  override addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | ((event: CustomEvent<Progress>) => void) | null,
    options?: AddEventListenerOptions | boolean,
  ): void {
    super.addEventListener(type, listener as EventListenerOrEventListenerObject | null, options);
  }

  async #run(number: Promise<number>): Promise<Report> {
    const job = await number;
    for (;;) {
      while (this.#paused && !this.#cancelled) await this.#change.promise;
      if (this.#cancelled) {
        await this.#channel.call("cancel", { job });
        throw new HoardError("Cancelled", "cancelled");
      }
      const { done, progress, report } = await this.#channel.call("step", { job });
      this.#latest = progress;
      this.#changed();
      this.dispatchEvent(new CustomEvent("progress", { detail: progress }));
      if (done) return report as Report;
    }
  }

  async *#follow(): AsyncGenerator<Progress, void, undefined> {
    let seen: Progress | undefined;
    for (;;) {
      const change = this.#change.promise;
      if (this.#latest !== undefined && this.#latest !== seen) {
        seen = this.#latest;
        yield seen;
      } else if (this.#finished) {
        await this.done;
        return;
      } else {
        await change;
      }
    }
  }

  #changed(): void {
    this.#change.fire();
    this.#change = signal();
  }
}

function signal(): { promise: Promise<void>; fire: () => void } {
  let fire = (): void => {};
  const promise = new Promise<void>((resolve) => (fire = resolve));
  return { promise, fire };
}
