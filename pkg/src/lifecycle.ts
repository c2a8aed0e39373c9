/**
 * What an open hoard does as its page is hidden, shown, frozen and left. Where there is no page, nothing.
 */
import { whenIdle, type Channel } from "./channel.js";
import type { Leaving } from "./leave.js";
import type { Keeper } from "./witness.js";

/** How soon after opening the way to the journal is there, however busy the page is. */
const READY_MS = 200;

/** The page, or what a test has for it. */
export interface Page {
  document: Pick<Document, "visibilityState" | "addEventListener" | "removeEventListener"> | undefined;
  window: Pick<EventTarget, "addEventListener" | "removeEventListener">;
  /** Opens the way to the journal. */
  leaving(channel: Channel, name: string): Promise<Leaving>;
}

const HERE: Page = {
  document: globalThis.document,
  window: globalThis,
  async leaving(channel, name) {
    const { Leaving } = await import("./leave.js");
    return new Leaving(channel, name);
  },
};

/** Watches the page for a hoard. The function returned ends that. */
export function watch(channel: Channel, name: string, keeper: Keeper, page: Page = HERE): () => void {
  const { document, window } = page;
  if (document === undefined) return () => keeper.stop();
  let leaving: Leaving | undefined;
  let ended = false;
  let hidden = document.visibilityState === "hidden";
  channel.hold();
  whenIdle(() => {
    if (ended) return;
    page.leaving(channel, name).then(
      (loaded) => {
        leaving = loaded;
        if (ended) leaving.end();
        else leaving.open();
      },
      // Without its script no journal is written; all else goes on.
      () => channel.release(),
    );
  }, READY_MS);
  const back = (): void => {
    channel.gone = false;
    channel.distrust();
    leaving?.open();
  };
  const leave = (): void => {
    leaving?.leave();
    keeper.now();
  };
  const listeners: [Pick<EventTarget, "addEventListener" | "removeEventListener">, string, (event: Event) => void][] = [
    [
      document,
      "visibilitychange",
      () => {
        if (document.visibilityState === "hidden") leave();
        else if (hidden) back();
        hidden = document.visibilityState === "hidden";
      },
    ],
    // Frozen, the page hears nothing of other tabs.
    [document, "freeze", () => channel.cache.clear()],
    [document, "resume", back],
    [
      window,
      "pagehide",
      (event) => {
        channel.gone = true;
        leave();
        // A page that waits to be shown again holds up nobody.
        if ((event as PageTransitionEvent).persisted) leaving?.close();
      },
    ],
    [window, "pageshow", (event) => void ((event as PageTransitionEvent).persisted && back())],
  ];
  for (const [target, type, listener] of listeners) target.addEventListener(type, listener);
  return () => {
    ended = true;
    channel.release();
    for (const [target, type, listener] of listeners) target.removeEventListener(type, listener);
    keeper.stop();
    leaving?.end();
  };
}
