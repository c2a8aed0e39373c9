// Single keys for what is done often. They do nothing while one types, and can be switched off: they get in the way of
// speech input and of some screen readers.

import { signal } from "@preact/signals";
import { recall, remember } from "./preference";
import { current } from "./record/recording";
import { go, route } from "./route";
import { lastAsked, opened } from "./search/search";
import { sessions } from "./sessions";
import { textField } from "./text-field";
import { toggleTheme } from "./theme";
import { focusNoteField, stopAndShow } from "./ui/dock";
import { focusSearchField } from "./ui/search";
import { confirming, editing } from "./ui/session-dialogs";

export const shortcutsOn = signal(recall("shortcuts") !== "off");
export const helpShown = signal(false);

export function setShortcuts(on: boolean): void {
  shortcutsOn.value = on;
  remember("shortcuts", on ? "on" : "off");
}

interface Shortcut {
  keys: readonly string[];
  /** As printed on the key. */
  shown: string;
  does: string;
  /** Answers whether there was something to do. */
  run(): boolean;
}

/** The session shown, unless it is being recorded here. */
function shownSession() {
  const here = route.value;
  if (here.page !== "session" || current.value?.id === here.id) return undefined;
  return sessions.value.find((meta) => meta.id === here.id);
}

function focusSessions(): boolean {
  if (document.querySelector(".session-list:not(:has(*))")) return false;
  const row = document.querySelector<HTMLElement>(".session-row[tabindex='0']");
  // On a narrow window the list is a page of its own.
  if (!row || row.offsetParent === null) {
    go({ page: "home" });
    requestAnimationFrame(() => document.querySelector<HTMLElement>(".session-row[tabindex='0']")?.focus());
  } else row.focus();
  return true;
}

export const shortcuts: readonly Shortcut[] = [
  {
    keys: ["r"],
    shown: "R",
    does: "New recording",
    run: () => {
      go({ page: "new" });
      requestAnimationFrame(() => document.getElementById("title")?.focus());
      return true;
    },
  },
  {
    keys: ["/"],
    shown: "/",
    does: "Search",
    run: () => {
      // Not back to what was opened: one wants to ask something else.
      opened.value = null;
      if (route.value.page === "search") focusSearchField();
      else go({ page: "search", asked: lastAsked.value });
      return true;
    },
  },
  { keys: ["l"], shown: "L", does: "To the list of sessions", run: focusSessions },
  {
    keys: ["u"],
    shown: "U",
    does: "Storage",
    run: () => {
      go({ page: "storage" });
      return true;
    },
  },
  { keys: ["n"], shown: "N", does: "Write a note (while recording)", run: () => current.value !== null && focusNoteField() },
  {
    keys: ["p"],
    shown: "P",
    does: "Pause or resume the recording",
    run: () => {
      const recording = current.value;
      if (!recording || recording.stopping.value) return false;
      if (recording.paused.value) recording.resume();
      else void recording.pause();
      return true;
    },
  },
  {
    keys: ["s"],
    shown: "S",
    does: "Stop the recording",
    run: () => {
      if (!current.value) return false;
      void stopAndShow(current.value);
      return true;
    },
  },
  {
    keys: ["e"],
    shown: "E",
    does: "Edit the session shown",
    run: () => {
      const meta = shownSession();
      if (meta) editing.value = meta;
      return meta !== undefined;
    },
  },
  {
    keys: ["Delete"],
    shown: "Del",
    does: "Delete the session shown (asks first)",
    run: () => {
      const meta = shownSession();
      if (meta) confirming.value = meta;
      return meta !== undefined;
    },
  },
  {
    keys: ["d"],
    shown: "D",
    does: "Light or dark",
    run: () => {
      toggleTheme();
      return true;
    },
  },
  {
    keys: ["?"],
    shown: "?",
    does: "This help",
    run: () => {
      helpShown.value = true;
      return true;
    },
  },
];

/** Keys that belong to a place rather than to the page. */
export const localKeys: readonly { shown: string; does: string }[] = [
  { shown: "↑ ↓", does: "Through the list of sessions" },
  { shown: "↓", does: "From the search field to what was found" },
  { shown: "← → ↑ ↓", does: "Through the pictures of a timeline, and in the viewer" },
  { shown: "← →", does: "Along the recording, when its overview has the focus" },
  { shown: "Enter", does: "Open the session or picture" },
  { shown: "+ − 0", does: "In the viewer: zoom in, out, fit" },
  { shown: "Shift + arrows", does: "In the viewer: move the zoomed picture" },
  { shown: "Esc", does: "Leave a field, close a dialog or the viewer" },
];

export function onKeyDown(event: KeyboardEvent): void {
  const target = event.target;
  if (event.key === "Escape" && target instanceof HTMLElement && target.matches(textField) && !target.closest("dialog")) target.blur();
  if (!shortcutsOn.value || event.ctrlKey || event.metaKey || event.altKey || event.repeat || event.defaultPrevented) return;
  if (target instanceof Element && target.closest(`${textField}, dialog`)) return;
  const shortcut = shortcuts.find(({ keys }) => keys.includes(event.key));
  if (shortcut?.run()) event.preventDefault();
}
