// How long the page could not answer.
//
// A timer is asked for every 4 ms, the shortest that browsers grant a page. A gap is the time between two of its ticks,
// so an idle page shows 4 to 5 ms and a task that blocks the page for 30 ms shows between 30 and 34. The measure never
// flatters; and unlike a loop of messages it leaves the processor to the work that is being measured.

const EVERY_MS = 4;

/** Runs `work` and returns `{ result, ms, gap }`: what it gave, how long it took, and the longest gap meanwhile. */
export async function watched(work) {
  let longest = 0;
  let last;
  let timer;
  const tick = () => {
    const now = performance.now();
    longest = Math.max(longest, now - last);
    last = now;
    timer = setTimeout(tick, EVERY_MS);
  };
  // The first ticks of a chain of timers come closer together: let the browser settle before anything counts.
  await new Promise((resolve) => setTimeout(resolve, 50));
  last = performance.now();
  timer = setTimeout(tick, EVERY_MS);
  // Where a recorded trace of the browser finds the beginning and the end.
  performance.mark("watched");
  const from = performance.now();
  try {
    const result = await work();
    const to = performance.now();
    performance.measure("watched", "watched");
    return { result, ms: to - from, gap: Math.max(longest, to - last) };
  } finally {
    clearTimeout(timer);
  }
}
