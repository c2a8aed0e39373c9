// The frame around everything: sessions at the side, a page beside them, the running recording below.

import { useEffect } from "preact/hooks";
import { codeOf, explain } from "../errors";
import { bytes, percent } from "../format";
import { changes, open, opening } from "../hoard";
import { narrow } from "../narrow";
import { current } from "../record/recording";
import { address, route, type Route } from "../route";
import { lastAsked, opened } from "../search/search";
import { refresh, sessions } from "../sessions";
import { helpShown } from "../shortcuts";
import { refreshStats, stats } from "../stats";
import { toggleTheme } from "../theme";
import { Dock } from "./dock";
import { DropZone } from "./drop-zone";
import { Help } from "./help";
import { Icon } from "./icon";
import { NewSession } from "./new-session";
import { Notices } from "./notices";
import { Search } from "./search";
import { SessionDialogs } from "./session-dialogs";
import { SessionList } from "./session-list";
import { SessionView } from "./session-view";
import { Storage } from "./storage";
import { Viewer } from "./viewer";

export function App() {
  const { state } = opening.value;
  return (
    <>
      {state === "open" ? <Shell /> : state === "failed" ? <NotOpened error={opening.value.error} /> : <div class="opening" role="status" aria-label="Opening" />}
      <Notices />
    </>
  );
}

function NotOpened({ error }: { error: unknown }) {
  const { title, advice } = explain(error);
  const lost = codeOf(error) === "DataLoss";
  return (
    <main class="not-opened">
      <h1>{title}</h1>
      <p class="lead" role="alert">
        {advice}
      </p>
      <button type="button" class="primary" onClick={() => void open()}>
        Try again
      </button>
      {lost && (
        <button type="button" onClick={() => void open("accept")}>
          Start with nothing
        </button>
      )}
    </main>
  );
}

function Shell() {
  useEffect(() => void refresh(), []);
  const here = route.value;
  const title = titleOf(here);
  useEffect(() => {
    document.title = title;
  }, [title]);
  return (
    <div class="shell" data-page={here.page}>
      <a class="skip" href="#main" onClick={skipToMain}>
        Skip to the page
      </a>
      <aside class="side">
        <header class="brand">
          <a href={address({ page: "home" })}>
            <Mark />
            <span>Hoardb Recorder</span>
          </a>
          <div class="brand-tools">
            <button type="button" class="quiet icon-only" aria-label="Light or dark" title="Light or dark (D)" onClick={toggleTheme}>
              <Icon name="theme" />
            </button>
            <button type="button" class="quiet icon-only" aria-label="Keyboard help" title="Keyboard help (?)" onClick={() => (helpShown.value = true)}>
              <Icon name="help" />
            </button>
          </div>
        </header>
        {!narrow.value && <Sessions />}
      </aside>
      <main id="main" tabIndex={-1}>
        {narrow.value && here.page !== "home" && (
          <BackLink route={here} />
        )}
        <Page route={here} />
      </main>
      <Dock />
      <Viewer />
      <SessionDialogs />
      <Help />
      <DropZone />
    </div>
  );
}

function Page({ route }: { route: Route }) {
  switch (route.page) {
    case "session":
      return <SessionView id={route.id} item={route.item} />;
    case "search":
      return <Search asked={route.asked} />;
    case "storage":
      return <Storage />;
    case "new":
      return <NewSession />;
    case "home":
      return narrow.value ? <Sessions /> : <NewSession />;
  }
}

/** On a narrow window: from a session that was found to what else was, from anywhere else to the sessions. */
function BackLink({ route }: { route: Route }) {
  const fromSearch = route.page === "session" && opened.value === route.id;
  return (
    <a class="back" href={address(fromSearch ? { page: "search", asked: lastAsked.value } : { page: "home" })}>
      <Icon name="back" />
      {fromSearch ? "Search" : "Sessions"}
    </a>
  );
}

/** The sessions, and the ways to a new one, to the search and to the storage. */
function Sessions() {
  return (
    <>
      <a class="button new" href={address({ page: "new" })} aria-current={route.value.page === "new" ? "page" : undefined}>
        <Icon name="record" />
        New recording
        <kbd aria-hidden="true">R</kbd>
      </a>
      <a class="button new find" href={address({ page: "search", asked: lastAsked.value })} aria-current={route.value.page === "search" ? "page" : undefined}>
        <Icon name="search" />
        Search
        <kbd aria-hidden="true">/</kbd>
      </a>
      <SessionList />
      <Kept />
    </>
  );
}

/** What a tab and the history say: whether it records comes first, since tabs are narrow. */
function titleOf(here: Route): string {
  const page =
    here.page === "session"
      ? sessions.value.find(({ id }) => id === here.id)?.title || "Session"
      : here.page === "search"
        ? "Search"
        : here.page === "storage"
          ? "Storage"
          : "New recording";
  return `${current.value ? "● " : ""}${page} – Hoardb Recorder`;
}

/** The address is the router's, so the link moves the focus itself. */
function skipToMain(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

/** The storage in one line; the way to its page. */
function Kept() {
  useEffect(() => refreshStats(), [changes.value]);
  const figures = stats.value;
  const saved = figures ? Math.max(0, figures.logicalBytes - figures.storedBytes) : 0;
  return (
    <a class="kept" href={address({ page: "storage" })} aria-current={route.value.page === "storage" ? "page" : undefined}>
      <Icon name="storage" />
      <span class="kept-words">
        <span>Storage</span>
        {figures && (
          <span class="figure">
            {bytes(figures.storedBytes)}
            {saved > 0 && `, ${percent(saved, figures.logicalBytes)} saved`}
          </span>
        )}
      </span>
      {figures && figures.logicalBytes > 0 && (
        <span class="kept-bar" aria-hidden="true">
          <span style={{ width: `${Math.min(100, (figures.storedBytes / figures.logicalBytes) * 100)}%` }} />
        </span>
      )}
    </a>
  );
}

function Mark() {
  return (
    <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
      <rect class="mark-ground" width="32" height="32" rx="7" />
      <path class="mark-lines" d="M8 10.5h16M8 16h16M8 21.5h9" />
      <circle class="mark-lamp" cx="22.5" cy="21.5" r="3.4" />
    </svg>
  );
}
