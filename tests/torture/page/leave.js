// A page that is left while it writes. What is acknowledged as accepted is told by beacons, which survive the page.
import { itemBytes } from "./bytes.js";
import { page } from "./remote.js";
import { current } from "./store.js";

const BYTES = 20_000;
/** The package gets ready to be left when it has nothing else to do. */
const SETTLED_MS = 400;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/**
 * Writes into session `id` with the acknowledgement `accepted`: a burst and then a navigation to `address` by the page
 * itself; without an address, more and more until somebody else ends the page. As the page goes away it writes once more.
 */
export async function leave({ id, address, settled }) {
  const hoard = current();
  await hoard.sessions.create({ id });
  if (settled) await sleep(SETTLED_MS);
  const list = hoard.list(id, "items");
  let written = 0;
  let accepted = [];
  // Where in the page's life a write is made: a page may run on for a while after it was told that it goes.
  let phase = "before";
  const tell = (entry) => navigator.sendBeacon("/log", JSON.stringify({ page, entries: [entry] }));
  const write = () => {
    const n = written++;
    const made = phase;
    list.append(n % 5 ? { n, text: "x".repeat(n % 300) } : { n, bytes: itemBytes(n, BYTES) }, { ack: "accepted" }).then(
      () => {
        if (accepted.push([n, made]) > 1) return;
        queueMicrotask(() => {
          tell({ accepted });
          accepted = [];
        });
      },
      (error) => tell({ problem: `${error?.code}: ${error?.message}` }),
    );
  };
  addEventListener("pagehide", () => {
    phase = "in pagehide";
    for (let i = 0; i < 3; i += 1) write();
    phase = "after pagehide";
  });
  document.addEventListener("visibilitychange", () => {
    if (phase === "before") phase = "hidden";
  });
  if (address !== undefined) {
    for (let i = 0; i < 30; i += 1) write();
    location.assign(address);
  } else {
    const ticker = new Worker("/page/ticker.js");
    ticker.onmessage = () => {
      for (let i = 0; i < 8; i += 1) write();
    };
  }
}

/** What of it is stored. */
export async function itemsOf(id) {
  const items = [];
  for await (const { n, text, bytes } of current().list(id, "items")) {
    let good = text === undefined || text === "x".repeat(n % 300);
    if (bytes) {
      const expected = itemBytes(n, BYTES);
      const found = await bytes.bytes();
      good = found.length === expected.length && found.every((byte, at) => byte === expected[at]);
    }
    items.push(good ? n : `${n} with other content`);
  }
  return items;
}
