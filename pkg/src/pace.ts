/**
 * Keeps work on the page in slices, so that no frame is missed.
 */

/** The longest stretch of work without giving the event loop a turn, in milliseconds. */
const SLICE_MS = 6;

/** Counts the time since the event loop last had a turn. */
export class Pace {
  #until = performance.now() + SLICE_MS;

  /** Whether it is time to wait for {@link turn}. */
  get due(): boolean {
    return performance.now() >= this.#until;
  }

  /** Gives the event loop a turn. */
  async turn(): Promise<void> {
    await nextTask();
    this.#until = performance.now() + SLICE_MS;
  }
}

/**
 * Goes on in a task of its own. Not by a timer, which the browser makes wait for 4 ms once timers nest; and not by
 * `scheduler.yield`, whose continuations go before the page's other tasks and so hold up its timers and messages.
 */
function nextTask(): Promise<void> {
  // Node's own, where it runs: there a port takes its messages in bursts, and keeps the program alive.
  const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => void };
  if (setImmediate !== undefined) return new Promise((resolve) => setImmediate(resolve));
  port ??= openPort();
  return new Promise((resolve) => {
    waiting.push(resolve);
    port?.postMessage(undefined);
  });
}

/** Made once, when it is first needed: a channel costs more than a message through it. */
let port: MessagePort | undefined;
const waiting: (() => void)[] = [];

function openPort(): MessagePort {
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => waiting.shift()?.();
  return port2;
}
