// A recorded segment: play, its shape, where it is.

import { clock } from "../format";
import type { Player } from "../timeline/player";
import type { ListItem } from "../schema";
import { Icon } from "./icon";

interface Props {
  player: Player;
  index: number;
  segment: ListItem<"audio">;
  /** Where on the recording it starts, as read by people. */
  place: string;
}

export function Sound({ player, index, segment, place }: Props) {
  const playing = player.playing.value;
  const active = playing?.index === index;
  const running = active && !playing.paused;
  const seconds = segment.durationMs / 1000;
  // Only the segment that plays follows the position.
  const position = active ? Math.min(player.position.value, seconds) : 0;
  const share = seconds > 0 ? position / seconds : 0;
  return (
    <div class={active ? "sound active" : "sound"}>
      <button type="button" class="icon-only play" aria-label={`${running ? "Pause" : "Play"} sound at ${place}`} onClick={() => void player.toggle(index)}>
        <Icon name={running ? "pause" : "play"} />
      </button>
      <div class="sound-shape" style={{ "--played": String(share) }}>
        <Shape peaks={segment.peaks} />
        <input
          type="range"
          min={0}
          max={seconds}
          step={0.1}
          value={position}
          aria-label={`Position in the sound at ${place}`}
          aria-valuetext={`${clock(position * 1000)} of ${clock(segment.durationMs)}`}
          onInput={(event) => void player.seek(index, event.currentTarget.valueAsNumber)}
        />
      </div>
      <span class="figure sound-time">{active ? clock(position * 1000) : clock(segment.durationMs)}</span>
    </div>
  );
}

/** Drawn twice, the second cut off at what was played. */
function Shape({ peaks }: { peaks: readonly number[] }) {
  const bars = peaks.length > 0 ? peaks : [4, 4];
  const path = bars
    .map((peak, i) => {
      const half = Math.max(0.6, (Math.min(99, Math.max(0, peak)) / 99) * 11);
      return `M${i * 3 + 1} ${12 - half}v${half * 2}`;
    })
    .join("");
  const box = `0 0 ${bars.length * 3} 24`;
  return (
    <>
      <svg class="shape" viewBox={box} preserveAspectRatio="none" aria-hidden="true">
        <path d={path} />
      </svg>
      <svg class="shape played" viewBox={box} preserveAspectRatio="none" aria-hidden="true">
        <path d={path} />
      </svg>
    </>
  );
}
