// The form that starts a recording.

import { useEffect, useRef, useState } from "preact/hooks";
import { shortDate } from "../format";
import { recall, remember } from "../preference";
import { current, start, type Plan } from "../record/recording";
import { address, go } from "../route";
import { categories } from "../schema";
import { addFiles } from "../sessions";
import { Icon } from "./icon";
import { TokenField } from "./token-field";

const screenSeconds = { min: 0.2, max: 600, usual: 5 };
const segmentSeconds = { min: 1, max: 300, usual: 30 };

function recallNumber(name: string, { min, max, usual }: typeof screenSeconds): number {
  const value = Number(recall(name) ?? usual);
  return value >= min && value <= max ? value : usual;
}

export function NewSession() {
  const [title, setTitle] = useState("");
  const [category, setCategory] = useState("");
  const [topics, setTopics] = useState<string[]>([]);
  const [tags, setTags] = useState<string[]>([]);
  const [screen, setScreen] = useState(true);
  const [everySeconds, setEverySeconds] = useState(() => recallNumber("screen-seconds", screenSeconds));
  const [microphone, setMicrophone] = useState(true);
  const [segments, setSegments] = useState(() => recallNumber("segment-seconds", segmentSeconds));
  const [starting, setStarting] = useState(false);
  const titleField = useRef<HTMLInputElement>(null);

  useEffect(() => titleField.current?.focus({ preventScroll: true }), []);

  if (current.value) {
    return (
      <section class="page">
        <h1>New recording</h1>
        <p>
          <bdi>{current.value.title}</bdi> is being recorded. Stop it before you start another one.
        </p>
        <a class="button" href={address({ page: "session", id: current.value.id })}>
          Go to the recording
        </a>
      </section>
    );
  }

  const onSubmit = async (event: Event) => {
    event.preventDefault();
    remember("screen-seconds", String(everySeconds));
    remember("segment-seconds", String(segments));
    const plan: Plan = {
      title: title.trim() || `Recording of ${shortDate(new Date())}`,
      category: category.trim(),
      topics,
      tags,
      screenEveryMs: screen ? everySeconds * 1000 : null,
      microphoneSegmentMs: microphone ? segments * 1000 : null,
    };
    setStarting(true);
    const recording = await start(plan);
    setStarting(false);
    if (recording) go({ page: "session", id: recording.id });
  };

  return (
    <section class="page new-session">
      <header class="page-head">
        <h1>New recording</h1>
        <p class="lead">Your screen, your microphone and your notes, kept in this browser and nowhere else.</p>
      </header>
      <form onSubmit={(event) => void onSubmit(event)}>
        <div class="field">
          <label for="title">Title</label>
          <input
            id="title"
            ref={titleField}
            value={title}
            maxLength={300}
            autocomplete="off"
            placeholder={`Recording of ${shortDate(new Date())}`}
            onInput={(event) => setTitle(event.currentTarget.value)}
          />
        </div>
        <div class="columns">
          <div class="field">
            <label for="category">Category</label>
            <input
              id="category"
              list="categories"
              value={category}
              maxLength={100}
              autocomplete="off"
              onInput={(event) => setCategory(event.currentTarget.value)}
            />
            <datalist id="categories">
              {categories.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
            <p class="hint">Pick one or type your own.</p>
          </div>
          <TokenField label="Topics" hint="Enter or a comma adds one." tokens={topics} onChange={setTopics} />
          <TokenField label="Tags" hint="Enter or a comma adds one." tokens={tags} onChange={setTags} />
        </div>
        <fieldset class="captures">
          <legend>Capture</legend>
          <Capture
            icon="screen"
            name="Screen"
            words="One PNG picture every"
            about="You choose the tab, window or screen. A picture that did not change is stored once."
            on={screen}
            onToggle={setScreen}
            seconds={everySeconds}
            onSeconds={setEverySeconds}
            bounds={screenSeconds}
            step={0.1}
          />
          <Capture
            icon="microphone"
            name="Microphone"
            words="Sound in segments of"
            about="Each segment can be played on its own, so an interruption costs at most one."
            on={microphone}
            onToggle={setMicrophone}
            seconds={segments}
            onSeconds={setSegments}
            bounds={segmentSeconds}
            step={1}
          />
          <div class="capture always">
            <Icon name="note" />
            <div>
              <strong>Notes</strong>
              <p class="hint">Type them while it runs. Files can be dropped in at any time.</p>
            </div>
          </div>
        </fieldset>
        <div class="actions">
          <button type="submit" class="primary record" disabled={starting}>
            <Icon name="record" />
            {starting ? "Waiting for permission…" : "Start recording"}
          </button>
          <label class="button">
            <Icon name="file" />
            Add files instead…
            <input
              type="file"
              multiple
              class="visually-hidden"
              onChange={async (event) => {
                const id = await addFiles([...(event.currentTarget.files ?? [])], null);
                if (id) go({ page: "session", id });
              }}
            />
          </label>
        </div>
      </form>
    </section>
  );
}

interface CaptureProps {
  icon: "screen" | "microphone";
  name: string;
  words: string;
  about: string;
  on: boolean;
  onToggle(on: boolean): void;
  seconds: number;
  onSeconds(seconds: number): void;
  bounds: { min: number; max: number };
  step: number;
}

function Capture({ icon, name, words, about, on, onToggle, seconds, onSeconds, bounds, step }: CaptureProps) {
  return (
    <div class={on ? "capture on" : "capture"}>
      <Icon name={icon} />
      <div>
        <label class="switch">
          <input type="checkbox" role="switch" checked={on} onChange={(event) => onToggle(event.currentTarget.checked)} />
          <strong>{name}</strong>
        </label>
        <label class="seconds">
          {words}{" "}
          <input
            type="number"
            value={seconds}
            min={bounds.min}
            max={bounds.max}
            step={step}
            required
            disabled={!on}
            onInput={(event) => {
              const value = event.currentTarget.valueAsNumber;
              if (Number.isFinite(value)) onSeconds(value);
            }}
          />{" "}
          seconds
        </label>
        <p class="hint">{about}</p>
      </div>
    </div>
  );
}
