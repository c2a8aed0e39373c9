// What runs while a recording does, on every page: how far it is, a field for notes, pause and stop.

import { useEffect, useRef, useState } from "preact/hooks";
import { bytes, clock, count, isoDuration } from "../format";
import { current, type Recording } from "../record/recording";
import { address, go } from "../route";
import { useAddress } from "../timeline/pictures";
import { Icon } from "./icon";

export function Dock() {
  return current.value ? <Running recording={current.value} /> : null;
}

/** For the shortcuts: the field, when there is a recording to take the note. */
export function focusNoteField(): boolean {
  const field = document.getElementById("note");
  field?.focus();
  return field !== null;
}

/** Ends the recording and shows what was recorded. */
export async function stopAndShow(recording: Recording): Promise<void> {
  await recording.stop();
  go({ page: "session", id: recording.id });
}

function Running({ recording }: { recording: Recording }) {
  const paused = recording.paused.value;
  const stopping = recording.stopping.value;
  const waiting = recording.unsaved.value.length;
  return (
    <section class={paused ? "dock paused" : "dock"} aria-label="Recording in progress">
      <div class="dock-state">
        <Preview recording={recording} />
        <div>
          <a class="dock-title" href={address({ page: "session", id: recording.id })}>
            <span class="lamp" aria-hidden="true" />
            {stopping ? "Storing…" : paused ? "Paused" : "Recording"} <Elapsed recording={recording} />
          </a>
          <p class="dock-facts figure">
            {recording.hasScreen && (
              <span data-fact="frames">
                {count(recording.frames.value, "frame")}
                <span class="dock-more">, {recording.unchangedFrames.value} unchanged</span>
              </span>
            )}
            {recording.hasMicrophone && <span data-fact="sound">{count(recording.segments.value, "segment")}</span>}
            <span data-fact="notes">{count(recording.notes.value, "note")}</span>
            <span class="dock-more" title="Bytes captured, and bytes among them that were not captured before">
              {bytes(recording.newBytes.value)} new of {bytes(recording.capturedBytes.value)}
            </span>
          </p>
        </div>
        {recording.hasMicrophone && <Level recording={recording} />}
      </div>
      {waiting > 0 && (
        <p class="dock-waiting" role="alert">
          {count(waiting, "item")} not stored yet. Make room, then press Resume.
        </p>
      )}
      <NoteField recording={recording} />
      <div class="dock-controls">
        {paused ? (
          <button type="button" title="Resume (P)" disabled={stopping} onClick={() => recording.resume()}>
            <Icon name="record" />
            Resume
          </button>
        ) : (
          <button type="button" title="Pause (P)" disabled={stopping} onClick={() => void recording.pause()}>
            <Icon name="pause" />
            Pause
          </button>
        )}
        <button type="button" class="primary record" title="Stop (S)" disabled={stopping} onClick={() => void stopAndShow(recording)}>
          <Icon name="stop" />
          Stop
        </button>
      </div>
    </section>
  );
}

function NoteField({ recording }: { recording: Recording }) {
  const [text, setText] = useState("");
  const [said, setSaid] = useState("");
  const add = (event: Event) => {
    event.preventDefault();
    if (text.trim() === "") return;
    recording.note(text.trim());
    setText("");
    setSaid(`Note ${recording.notes.value} added.`);
  };
  return (
    <form class="dock-note" onSubmit={add}>
      <label class="visually-hidden" for="note">
        Note
      </label>
      <textarea
        id="note"
        rows={1}
        value={text}
        maxLength={10_000}
        autocomplete="off"
        placeholder="Write a note, then Enter"
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          // Shift and Enter begins a new line; an Enter that ends the composition of a word is not ours.
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) add(event);
        }}
      />
      <button type="submit" class="icon-only" aria-label="Add note" title="Add note (Enter)">
        <Icon name="add" />
      </button>
      <span class="visually-hidden" role="status">
        {said}
      </span>
    </form>
  );
}

function Elapsed({ recording }: { recording: Recording }) {
  const [, redraw] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => redraw((times) => times + 1), 500);
    return () => clearInterval(timer);
  }, []);
  const ms = recording.elapsedMs();
  return (
    <time class="figure" dateTime={isoDuration(ms)}>
      {clock(ms)}
    </time>
  );
}

/** The loudness as a bar, drawn outside of the component tree: sixty times a second is no state of the page. */
function Level({ recording }: { recording: Recording }) {
  const bar = useRef<HTMLSpanElement>(null);
  useEffect(() => {
    let asked = 0;
    const draw = () => {
      bar.current?.style.setProperty("--level", recording.level().toFixed(3));
      asked = requestAnimationFrame(draw);
    };
    draw();
    return () => cancelAnimationFrame(asked);
  }, [recording]);
  return (
    <span class="level" aria-hidden="true">
      <span ref={bar} />
    </span>
  );
}

function Preview({ recording }: { recording: Recording }) {
  const { url } = useAddress(recording.latestFrame.value);
  return url ? <img class="dock-preview" src={url} alt="" /> : null;
}
