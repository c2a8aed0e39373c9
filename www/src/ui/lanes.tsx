// The whole recording at a glance: one lane for what was on the screen, one for what was heard, one for what was
// written. It is also the way to get around in a long one.

import type { ReadonlySignal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { clock } from "../format";
import type { Section } from "../timeline/moments";

interface Props {
  sections: readonly Section[];
  /** Changes when the sections grow in place. */
  revision: number;
  startedAt: number;
  lengthMs: number;
  /** Where the timeline stands, in ms from the start. A signal: scrolling moves the mark and draws nothing else. */
  at: ReadonlySignal<number>;
  onSeek(ms: number): void;
}

/** The drawing's width; it is stretched to the page's. */
const width = 1000;
const screenTop = 3;
const screenHeight = 14;
const soundMiddle = 31;
const soundHalf = 10;
const notesTop = 46;
const height = 56;

export function Lanes({ sections, revision, startedAt, lengthMs, at, onSeek }: Props) {
  const span = Math.max(1, lengthMs);
  const drawing = useMemo(() => <Drawing sections={sections} startedAt={startedAt} span={span} />, [revision, startedAt, span]);
  const position = Math.min(at.value, span);
  const step = Math.max(1000, span / 40);
  const onKeyDown = (event: KeyboardEvent) => {
    const to = { ArrowRight: position + step, ArrowLeft: position - step, PageDown: position + step * 5, PageUp: position - step * 5, Home: 0, End: span }[
      event.key
    ];
    if (to === undefined) return;
    event.preventDefault();
    onSeek(Math.min(span, Math.max(0, to)));
  };

  return (
    <div class="lanes-frame">
      <ul class="lane-names" aria-hidden="true">
        <li>Screen</li>
        <li>Sound</li>
        <li>Notes</li>
      </ul>
      <div
        class="lanes"
        role="slider"
        tabIndex={0}
        aria-label="Position in the recording"
        aria-valuemin={0}
        aria-valuemax={Math.round(span / 1000)}
        aria-valuenow={Math.round(position / 1000)}
        aria-valuetext={`${clock(position)} of ${clock(span)}`}
        onKeyDown={onKeyDown}
        onPointerDown={(event) => {
          const box = event.currentTarget.getBoundingClientRect();
          onSeek(((event.clientX - box.left) / box.width) * span);
        }}
      >
        {drawing}
        <span class="lane-position" style={{ left: `${(position / span) * 100}%` }} />
      </div>
      <div class="lane-times figure" aria-hidden="true">
        {[0, 0.25, 0.5, 0.75, 1].map((share) => (
          <span key={share}>{clock(span * share)}</span>
        ))}
      </div>
    </div>
  );
}

function Drawing({ sections, startedAt, span }: { sections: readonly Section[]; startedAt: number; span: number }) {
  const x = (at: number) => Math.min(width, Math.max(0, ((at - startedAt) / span) * width));
  let held = "";
  let changed = "";
  let sound = "";
  // Marks that would lie on each other are drawn once: an hour can have tens of thousands.
  const changes = new Set<number>();
  const writings = new Set<number>();
  for (const section of sections) {
    for (const run of section.runs) {
      const from = Math.round(x(run.from) * 2) / 2;
      if (changes.has(from)) continue;
      changes.add(from);
      held += `M${from} ${screenTop}h${Math.max(1.5, x(run.to) - from).toFixed(2)}v${screenHeight}H${from}z`;
      changed += `M${from} ${screenTop}v${screenHeight}`;
    }
    for (const moment of section.moments) {
      if (moment.list === "audio") sound += shape(moment.item.peaks, x(moment.item.at), x(moment.item.at + moment.item.durationMs));
      else writings.add(Math.round(x(moment.item.at)));
    }
  }
  const written = Array.from(writings, (at) => `M${at} ${notesTop}v7`).join("");

  return (
    <svg viewBox={`0 0 ${width} ${height}`} preserveAspectRatio="none" aria-hidden="true">
      <path class="lane-held" d={held} />
      <path class="lane-changed" d={changed} />
      <path class="lane-sound" d={sound} />
      <path class="lane-written" d={written} />
    </svg>
  );
}

function shape(peaks: readonly number[], from: number, to: number): string {
  if (peaks.length === 0) return `M${from} ${soundMiddle}H${to}`;
  // As many bars as can be told apart.
  const bars = Math.max(1, Math.min(peaks.length, Math.round((to - from) / 2.5)));
  let path = "";
  for (let bar = 0; bar < bars; bar += 1) {
    const part = peaks.slice(Math.floor((bar * peaks.length) / bars), Math.floor(((bar + 1) * peaks.length) / bars));
    const half = Math.max(0.5, (Math.min(99, Math.max(0, ...part)) / 99) * soundHalf);
    const x = from + ((bar + 0.5) * (to - from)) / bars;
    path += `M${x.toFixed(2)} ${(soundMiddle - half).toFixed(2)}v${(half * 2).toFixed(2)}`;
  }
  return path;
}
