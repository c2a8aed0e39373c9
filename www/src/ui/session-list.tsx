// The sessions, newest first, under the day they were recorded on.

import { useEffect, useRef } from "preact/hooks";
import { clock, count, dayHeading, duration, integer } from "../format";
import { narrow } from "../narrow";
import { current } from "../record/recording";
import { address, route } from "../route";
import type { SessionMeta } from "../schema";
import { loading, sessions, showMore, total } from "../sessions";
import { useAddress } from "../timeline/pictures";

const timeOfDay = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

export function SessionList() {
  const list = useRef<HTMLElement>(null);
  const here = route.value;
  const shown = here.page === "session" ? here.id : null;
  const today = new Date();

  // One stop for Tab, arrows within: a list of hundreds must not stand between the keyboard and the session.
  const onKeyDown = (event: KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined && event.key !== "Home" && event.key !== "End") return;
    const links = [...(list.current?.querySelectorAll<HTMLAnchorElement>("a.session-row") ?? [])];
    const at = links.indexOf(document.activeElement as HTMLAnchorElement);
    if (at < 0) return;
    event.preventDefault();
    const to = event.key === "Home" ? 0 : event.key === "End" ? links.length - 1 : at + (step ?? 0);
    links[to]?.focus();
  };

  const stop = sessions.value.find((meta) => meta.id === shown)?.id ?? sessions.value[0]?.id;
  return (
    <nav class="session-list" aria-label="Sessions" ref={list} onKeyDown={onKeyDown}>
      <div class="list-head">
        {narrow.value ? <h1>Sessions</h1> : <h2>Sessions</h2>}
        <span class="figure">{integer(total.value)}</span>
      </div>
      {sessions.value.length === 0 && !loading.value && (
        <p class="empty">Nothing recorded yet. What you record stays in this browser and appears here.</p>
      )}
      {byDay(sessions.value, today).map(([day, ofDay]) => (
        <section key={day}>
          {narrow.value ? <h2>{day}</h2> : <h3>{day}</h3>}
          <ul>
            {ofDay.map((meta) => (
              <Row key={meta.id} meta={meta} selected={meta.id === shown} stop={meta.id === stop} />
            ))}
          </ul>
        </section>
      ))}
      {total.value > sessions.value.length && sessions.value.length > 0 && (
        <button type="button" class="more" onClick={() => void showMore()}>
          Show more <span class="figure">{count(total.value - sessions.value.length, "session")} left</span>
        </button>
      )}
    </nav>
  );
}

function Row({ meta, selected, stop }: { meta: SessionMeta; selected: boolean; stop: boolean }) {
  const row = useRef<HTMLAnchorElement>(null);
  useEffect(() => {
    if (selected) row.current?.scrollIntoView({ block: "nearest" });
  }, [selected]);
  return (
    <li>
      <a
        ref={row}
        class="session-row"
        href={address({ page: "session", id: meta.id })}
        aria-current={selected ? "page" : undefined}
        tabIndex={stop ? 0 : -1}
      >
        <Poster meta={meta} />
        <span class="session-words">
          <bdi class="session-title">{meta.title || "Untitled"}</bdi>
          <span class="session-facts">
            <time dateTime={meta.startedAt.toISOString()}>{timeOfDay.format(meta.startedAt)}</time>
            <Facts meta={meta} />
          </span>
        </span>
      </a>
    </li>
  );
}

function Facts({ meta }: { meta: SessionMeta }) {
  if (meta.status === "recording") {
    const mine = current.value?.id === meta.id;
    return <span class="status recording">{mine ? "Recording" : "Recording in another tab"}</span>;
  }
  const length = meta.endedAt ? meta.endedAt.getTime() - meta.startedAt.getTime() : 0;
  return (
    <>
      {length > 0 && <span title={clock(length)}>{duration(length)}</span>}
      {meta.counts && meta.counts.screenshots > 0 && <span>{count(meta.counts.screenshots, "frame")}</span>}
      {meta.status === "interrupted" && <span class="status interrupted">Interrupted</span>}
    </>
  );
}

export function Poster({ meta }: { meta: SessionMeta }) {
  const { url } = useAddress(meta.poster);
  if (url) return <img class="poster" src={url} alt="" />;
  return <span class="poster blank" data-category={meta.category} />;
}

function byDay(all: readonly SessionMeta[], today: Date): [string, SessionMeta[]][] {
  const days = new Map<string, SessionMeta[]>();
  for (const meta of all) {
    const day = dayHeading(meta.startedAt, today);
    const ofDay = days.get(day);
    if (ofDay) ofDay.push(meta);
    else days.set(day, [meta]);
  }
  return [...days];
}
