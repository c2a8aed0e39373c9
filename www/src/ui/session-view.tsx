// One session: what it is, the whole at a glance, and its timeline.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { clock, count, duration, isoDuration, longDate } from "../format";
import { changes, theHoard } from "../hoard";
import { current } from "../record/recording";
import { address, type Place } from "../route";
import type { SessionMeta } from "../schema";
import { addFiles, sessions } from "../sessions";
import { explain } from "../errors";
import { textField } from "../text-field";
import { Timeline } from "../timeline/load";
import { confirming, editing } from "./session-dialogs";
import { Icon } from "./icon";
import { Lanes } from "./lanes";
import { stickyTop, TimelineView } from "./timeline";

/** Changes come with every captured frame; one reading answers those of this long. */
const followEveryMs = 400;

export function SessionView({ id, item }: { id: string; item: Place | undefined }) {
  const [meta, setMeta] = useState<SessionMeta | null | undefined>(undefined);
  const [error, setError] = useState<unknown>(null);

  // The list's row is the same metadata; where it changes, this one is read again.
  const row = sessions.value.find((one) => one.id === id);
  useEffect(() => {
    let current = true;
    theHoard()
      .sessions.get(id)
      .then(
        (read) => current && setMeta(read ?? null),
        (problem: unknown) => current && setError(problem),
      );
    return () => {
      current = false;
    };
  }, [id, row]);

  if (error) {
    const { title, advice } = explain(error);
    return <Missing title={title} advice={advice} />;
  }
  if (meta === undefined || (meta !== null && meta.id !== id)) return <section class="page" aria-busy="true" />;
  if (meta === null) return <Missing title="This session is not here." advice="It was deleted, or it was recorded in another browser." />;
  return <Open key={id} meta={meta} item={item} />;
}

function Missing({ title, advice }: { title: string; advice: string }) {
  return (
    <section class="page">
      <h1>{title}</h1>
      <p class="lead">{advice}</p>
      <a class="button" href={address({ page: "home" })}>
        To the sessions
      </a>
    </section>
  );
}

function Open({ meta, item }: { meta: SessionMeta; item: Place | undefined }) {
  const timeline = useMemo(() => new Timeline(theHoard(), meta), [meta.id]);
  const position = useSignal(0);
  const heading = useRef<HTMLHeadingElement>(null);

  useEffect(() => {
    scrollTo(0, 0);
    // So that what is read out next is this session; unless one is writing, into the note field for one.
    if (!document.activeElement?.matches(textField)) heading.current?.focus({ preventScroll: true });
    void timeline.read();
    let asked: ReturnType<typeof setTimeout> | undefined;
    let first = true;
    const stop = changes.subscribe(() => {
      // Subscribing calls at once.
      if (first) {
        first = false;
        return;
      }
      asked ??= setTimeout(() => {
        asked = undefined;
        void timeline.read();
      }, followEveryMs);
    });
    return () => {
      stop();
      clearTimeout(asked);
      timeline.close();
    };
  }, [timeline]);

  const startedAt = meta.startedAt.getTime();
  const sections = timeline.sections.all();
  const lengthMs = Math.max(meta.endedAt ? meta.endedAt.getTime() - startedAt : 0, lastAt(timeline) - startedAt);

  const seek = (ms: number) => {
    position.value = ms;
    const target = [...sections].reverse().find((section) => section.at - startedAt <= ms) ?? sections[0];
    const element = target && document.querySelector<HTMLElement>(`.section[data-at="${target.at}"]`);
    if (element) scrollTo({ top: scrollY + element.getBoundingClientRect().top - stickyTop() - 4, behavior: "instant" });
  };

  return (
    <article class="session" aria-labelledby="session-title">
      <header class="session-head">
        <div class="session-heading">
          <h1 id="session-title" ref={heading} tabIndex={-1}>
            <bdi>{meta.title || "Untitled"}</bdi>
          </h1>
          <Status meta={meta} />
        </div>
        <div class="session-tools">
          <label class="button" title="Add files">
            <Icon name="add" />
            <span class="words">Add files</span>
            <input type="file" multiple class="visually-hidden" aria-label="Add files" onChange={(event) => void addFiles([...(event.currentTarget.files ?? [])], meta.id)} />
          </label>
          <button type="button" title="Edit (E)" onClick={() => (editing.value = meta)}>
            <Icon name="edit" />
            <span class="words">Edit</span>
          </button>
          <button
            type="button"
            class="danger"
            title="Delete (Del)"
            disabled={current.value?.id === meta.id}
            onClick={() => (confirming.value = meta)}
          >
            <Icon name="delete" />
            <span class="words">Delete</span>
          </button>
        </div>
        <Facts meta={meta} timeline={timeline} lengthMs={lengthMs} />
      </header>
      <div class="session-bar">
        <Lanes sections={sections} revision={timeline.revision.value} startedAt={startedAt} lengthMs={lengthMs} at={position} onSeek={seek} />
      </div>
      {timeline.error.value ? <ReadingFailed timeline={timeline} /> : null}
      <TimelineView timeline={timeline} sought={item} onSectionInView={(at) => (position.value = at - startedAt)} />
    </article>
  );
}

function ReadingFailed({ timeline }: { timeline: Timeline }) {
  const { title, advice } = explain(timeline.error.value);
  return (
    <div class="gap" role="alert">
      <Icon name="warning" />
      <p>
        <strong>{title}</strong> {advice}
      </p>
      <button type="button" onClick={() => void timeline.read()}>
        Try again
      </button>
    </div>
  );
}

function Status({ meta }: { meta: SessionMeta }) {
  if (meta.status === "recording") return <span class="status recording">Recording</span>;
  if (meta.status === "interrupted") {
    return (
      <span class="status interrupted" title="The page went away while this was recorded. Everything stored until then is here.">
        Interrupted
      </span>
    );
  }
  return null;
}

function Facts({ meta, timeline, lengthMs }: { meta: SessionMeta; timeline: Timeline; lengthMs: number }) {
  void timeline.revision.value;
  const { screenshots, audio, notes, messages, files } = timeline.counts;
  const distinct = new Set(timeline.sections.all().flatMap((section) => section.runs.map((run) => run.picture.image.hash))).size;
  return (
    <div class="session-facts-row">
      <time dateTime={meta.startedAt.toISOString()}>{longDate(meta.startedAt)}</time>
      {lengthMs > 0 && (
        <time dateTime={isoDuration(lengthMs)} title={clock(lengthMs)}>
          {duration(lengthMs)}
        </time>
      )}
      {screenshots > 0 && (
        <span>
          {count(screenshots, "frame")}, {distinct} distinct
        </span>
      )}
      {audio > 0 && <span>{count(audio, "sound segment")}</span>}
      {notes > 0 && <span>{count(notes, "note")}</span>}
      {messages > 0 && <span>{count(messages, "message")}</span>}
      {files > 0 && <span>{count(files, "file")}</span>}
      {meta.category && (
        <span class="chip category">
          <bdi>{meta.category}</bdi>
        </span>
      )}
      {meta.topics.map((topic) => (
        <span class="chip" key={`topic ${topic}`}>
          <bdi>{topic}</bdi>
        </span>
      ))}
      {meta.tags.map((tag) => (
        <span class="chip tag" key={`tag ${tag}`}>
          <bdi>{tag}</bdi>
        </span>
      ))}
    </div>
  );
}

function lastAt(timeline: Timeline): number {
  const last = timeline.sections.all().at(-1);
  if (!last) return 0;
  const run = last.runs.at(-1);
  return Math.max(last.at, run?.to ?? 0, ...last.moments.map(({ list, item }) => item.at + (list === "audio" ? item.durationMs : 0)));
}
