// The pictures of a section. A picture that stayed on the screen for several frames is shown once, with how often.

import { memo } from "preact/compat";
import { clock, duration } from "../format";
import { useAddress } from "../timeline/pictures";
import type { Run } from "../timeline/moments";

interface Props {
  runs: readonly Run[];
  startedAt: number;
  onOpen(run: Run): void;
}

export function Frames({ runs, startedAt, onOpen }: Props) {
  return (
    <div class="frames">
      {runs.map((run, i) => (
        <Frame key={run.index} run={run} frames={run.frames} stop={i === 0} place={clock(run.from - startedAt)} onOpen={onOpen} />
      ))}
    </div>
  );
}

interface FrameProps {
  run: Run;
  /** Given beside the run, which grows in place, so that a frame that did not is left alone. */
  frames: number;
  /** Whether Tab stops here: at the first of each section. From there the arrows lead on. */
  stop: boolean;
  place: string;
  onOpen(run: Run): void;
}

const Frame = memo(function Frame({ run, frames, stop, place, onOpen }: FrameProps) {
  const { url, error } = useAddress(run.picture.image);
  const held = frames > 1 ? ` ×${frames}, unchanged for ${duration(run.to - run.from)}` : "";
  return (
    <button type="button" class={frames > 1 ? "frame held" : "frame"} tabIndex={stop ? 0 : -1} aria-label={`${place}${held}, picture`} onClick={() => onOpen(run)}>
      <span class="frame-picture" style={{ aspectRatio: `${run.picture.width} / ${run.picture.height}` }}>
        {error ? <span class="frame-problem">Damaged</span> : url && <img src={url} alt="" draggable={false} />}
      </span>
      <span class="frame-words figure">
        <span>{place}</span>
        {frames > 1 && <span class="frame-count">×{frames}</span>}
      </span>
    </button>
  );
});

/** Arrow keys move between pictures: sideways to the next, up and down to the one nearest in the next row. */
export function moveBetweenFrames(event: KeyboardEvent, timeline: HTMLElement): void {
  const focused = document.activeElement;
  if (!(focused instanceof HTMLElement) || !focused.classList.contains("frame")) return;
  const frames = [...timeline.querySelectorAll<HTMLElement>("button.frame")];
  const at = frames.indexOf(focused);
  let to: HTMLElement | undefined;
  switch (event.key) {
    case "ArrowRight":
      to = frames[at + 1];
      break;
    case "ArrowLeft":
      to = frames[at - 1];
      break;
    case "ArrowDown":
      to = nearestInNextRow(focused, frames.slice(at + 1));
      break;
    case "ArrowUp":
      to = nearestInNextRow(focused, frames.slice(0, at).reverse());
      break;
    default:
      return;
  }
  event.preventDefault();
  to?.focus();
}

/** `following` begins with the frames of the same row. */
function nearestInNextRow(from: HTMLElement, following: readonly HTMLElement[]): HTMLElement | undefined {
  const { top, left } = from.getBoundingClientRect();
  let rowTop: number | undefined;
  let best: { frame: HTMLElement; distance: number } | undefined;
  for (const frame of following) {
    const box = frame.getBoundingClientRect();
    if (Math.abs(box.top - top) < 4) continue;
    rowTop ??= box.top;
    if (Math.abs(box.top - rowTop) >= 4) break;
    const distance = Math.abs(box.left - left);
    if (!best || distance < best.distance) best = { frame, distance };
  }
  return best?.frame;
}
