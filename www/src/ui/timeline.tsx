// A session's timeline: sections of equal time, drawn when they come near the window.

import type { RefObject } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { clock, count, integer } from "../format";
import type { Timeline } from "../timeline/load";
import type { Place } from "../route";
import { isAt, type Run, type Section } from "../timeline/moments";
import { Player } from "../timeline/player";
import { Frames, moveBetweenFrames } from "./frames";
import { Icon } from "./icon";
import { Moments } from "./moments";
import { textField } from "../text-field";
import { shown, type Picture } from "./viewer";

/** A section this close to the window is drawn, in pixels. */
const drawnWithin = 1200;

interface Props {
  timeline: Timeline;
  /** The item that the address names: it is brought into view, and marked. */
  sought: Place | undefined;
  onSectionInView(at: number): void;
}

export function TimelineView({ timeline, sought, onSectionInView }: Props) {
  const player = useMemo(() => new Player(), [timeline]);
  const element = useRef<HTMLDivElement>(null);
  useEffect(() => () => player.close(), [player]);

  // Reading these subscribes to them.
  void timeline.revision.value;
  const sections = timeline.sections.all();
  const startedAt = timeline.sections.startedAt;
  for (const section of sections) {
    for (const moment of section.moments) if (moment.list === "audio") player.add(moment.index, moment.item);
  }

  useEffect(() => {
    const follow = () => {
      const top = stickyTop() + 8;
      const rows = element.current?.querySelectorAll<HTMLElement>("[data-at]") ?? [];
      let inView: HTMLElement | undefined;
      for (const row of rows) {
        if (inView && row.getBoundingClientRect().top > top) break;
        inView = row;
      }
      if (inView) onSectionInView(Number(inView.dataset["at"]));
    };
    addEventListener("scroll", follow, { passive: true });
    return () => removeEventListener("scroll", follow);
  }, [timeline]);

  useJump(timeline, sought);

  const open = (run: Run) => {
    const runs = timeline.sections.all().flatMap((section) => section.runs);
    shown.value = { pictures: runs.map((one) => pictureOf(one, startedAt)), at: Math.max(0, runs.indexOf(run)) };
  };

  const beside = sections.some((section) => section.moments.length > 0);
  const pictures = sections.some((section) => section.runs.length > 0);
  const layout = beside && pictures ? "both" : beside ? "moments-only" : "frames-only";
  return (
    <>
      <Reading timeline={timeline} />
      <div
        ref={element}
        class={`timeline ${layout}`}
        role={sections.length > 0 ? "feed" : undefined}
        aria-label={sections.length > 0 ? "Timeline" : undefined}
        aria-busy={!timeline.complete.value}
        onKeyDown={(event) => element.current && moveBetweenFrames(event, element.current)}
      >
        {sections.map((section) => (
          <SectionView key={section.at} section={section} revision={section.revision} startedAt={startedAt} player={player} sought={sought} onOpen={open} />
        ))}
      </div>
      {timeline.complete.value && timeline.total.value === 0 && <p class="empty">Nothing was recorded in this session. Files can be dropped in.</p>}
    </>
  );
}

/** So many frames at the same place: nothing above it is being drawn any more. */
const atRest = 20;

/**
 * Brings the item into view when it has been read, and keeps it there while more is read and drawn above it, until somebody
 * goes elsewhere. The focus is on it then, unless one is writing.
 */
function useJump(timeline: Timeline, sought: Place | undefined): void {
  useEffect(() => {
    if (!sought) return;
    const stopped = new AbortController();
    const stop = () => stopped.abort();
    for (const type of ["wheel", "touchstart", "pointerdown", "keydown"]) addEventListener(type, stop, { signal: stopped.signal, passive: true });
    let rested = 0;
    let place = NaN;
    const step = () => {
      if (stopped.signal.aborted) return;
      const item = document.querySelector<HTMLElement>("[data-sought]");
      if (item) {
        item.scrollIntoView({ block: "center", behavior: "instant" });
        if (!document.activeElement?.matches(textField)) item.focus({ preventScroll: true });
        const { top } = item.getBoundingClientRect();
        rested = Math.abs(top - place) < 1 ? rested + 1 : 0;
        place = top;
      }
      if (timeline.complete.peek() && (!item || rested >= atRest)) stop();
      else requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
    return stop;
  }, [timeline, sought?.list, sought?.index]);
}

/** Where sections begin to be hidden by what sticks to the top of the window. */
export function stickyTop(): number {
  const bar = document.querySelector(".session-bar");
  return bar ? Math.max(0, bar.getBoundingClientRect().bottom) : 0;
}

function pictureOf(run: Run, startedAt: number): Picture {
  const from = clock(run.from - startedAt);
  const held = run.frames > 1 ? ` to ${clock(run.to - startedAt)}, ${count(run.frames, "frame")}` : "";
  return { source: run.picture.image, caption: from + held, fileName: `${from.replaceAll(":", "-")}.png` };
}

/** How far the reading is, and what could not be read. */
function Reading({ timeline }: { timeline: Timeline }) {
  const loaded = timeline.loaded.value;
  const total = timeline.total.value;
  return (
    <>
      {!timeline.complete.value && (
        <div class="reading" role="status">
          <progress max={Math.max(1, total)} value={loaded} aria-label="Items read" />
          <span class="figure">{total > 0 ? `${integer(loaded)} of ${count(total, "item")}` : "Opening…"}</span>
        </div>
      )}
      {timeline.gaps.value.map((gap) => (
        <div class="gap" role="alert" key={`${gap.list} ${gap.from}`}>
          <Icon name="warning" />
          <p>
            <strong>
              {count(gap.to - gap.from, "item")} of {gap.list} cannot be read.
            </strong>{" "}
            The rest of the session is shown. Run Verify under Storage for what is wrong. <span class="hint">{gap.problem}</span>
          </p>
        </div>
      ))}
    </>
  );
}

interface SectionProps {
  section: Section;
  /** Changes when the section grows in place. */
  revision: number;
  startedAt: number;
  player: Player;
  sought: Place | undefined;
  onOpen(run: Run): void;
}

function SectionView({ section, startedAt, player, sought, onOpen }: SectionProps) {
  const element = useRef<HTMLElement>(null);
  const [isNear, height] = useNear(element);
  // What is sought is drawn wherever it is, so that it can be scrolled to.
  const near = isNear || (sought !== undefined && section.moments.some((moment) => isAt(moment, sought)));
  const place = clock(section.at - startedAt);
  return (
    <article
      ref={element}
      class="section"
      data-at={section.at}
      aria-label={`From ${place}`}
      style={near ? {} : { minHeight: `${height ?? guessHeight(section)}px` }}
    >
      <h2 class="section-place figure">{place}</h2>
      {near && section.runs.length > 0 && <Frames runs={section.runs} startedAt={startedAt} onOpen={onOpen} />}
      {near && section.moments.length > 0 && <Moments moments={section.moments} startedAt={startedAt} player={player} sought={sought} />}
    </article>
  );
}

/** Good enough for a scroll bar; corrected as soon as a section is drawn. */
function guessHeight({ runs, moments }: Section): number {
  return 24 + Math.max(Math.ceil(runs.length / 4) * 130, moments.length * 44);
}

/** Whether the element is near the window, and how high it was when it last was. */
function useNear(element: RefObject<HTMLElement | null>): [near: boolean, height: number | null] {
  const [near, setNear] = useState(false);
  const height = useRef<number | null>(null);
  useEffect(() => {
    const target = element.current;
    if (!target) return;
    const observer = new IntersectionObserver(
      (entries) => {
        const isNear = entries.at(-1)?.isIntersecting ?? false;
        // What has the keyboard's focus stays, however far one scrolls.
        if (!isNear && target.contains(document.activeElement)) return;
        if (!isNear) height.current = target.getBoundingClientRect().height;
        setNear(isNear);
      },
      { rootMargin: `${drawnWithin}px 0px` },
    );
    observer.observe(target);
    return () => observer.disconnect();
  }, []);
  return [near, height.current];
}
