// A recording in progress: what is captured goes into the session's lists as it comes.

import { signal } from "@preact/signals";
import type { SessionInput } from "hoardb";
import { codeOf, explain, explainCapture } from "../errors";
import { recordingLock, theHoard, type RecorderHoard } from "../hoard";
import { report, reportError, tell } from "../notices";
import type { ListName, NewItem, RecordingSchema } from "../schema";
import { MicrophoneCapture } from "./microphone";
import { ScreenCapture, type SharedScreen, type Shot } from "./screen";

/** What the person asked for. */
export interface Plan {
  title: string;
  category: string;
  topics: string[];
  tags: string[];
  /** A picture every so many milliseconds, or no screen. */
  screenEveryMs: number | null;
  /** Sound in segments of so many milliseconds, or no microphone. */
  microphoneSegmentMs: number | null;
}

/** Something captured that could not be stored yet. */
interface Unsaved {
  list: ListName;
  item: NewItem<ListName>;
}

/** The recording of this page, if there is one. */
export const current = signal<Recording | null>(null);

export class Recording {
  readonly frames = signal(0);
  readonly unchangedFrames = signal(0);
  readonly segments = signal(0);
  readonly notes = signal(0);
  /** Bytes of every picture and sound captured, and of those among them that were new. */
  readonly capturedBytes = signal(0);
  readonly newBytes = signal(0);
  readonly paused = signal(false);
  readonly stopping = signal(false);
  readonly latestFrame = signal<Blob | null>(null);
  readonly unsaved = signal<readonly Unsaved[]>([]);
  readonly #hoard: RecorderHoard;
  readonly #pending = new Set<Promise<void>>();
  #screen: ScreenCapture | null = null;
  #microphone: MicrophoneCapture | null = null;
  #releaseLock: (() => void) | undefined;
  #ranMs = 0;
  #runningSince = Date.now();

  readonly id = crypto.randomUUID();
  readonly title: string;

  constructor(hoard: RecorderHoard, plan: Plan) {
    this.#hoard = hoard;
    this.title = plan.title;
  }

  get hasScreen(): boolean {
    return this.#screen !== null;
  }

  get hasMicrophone(): boolean {
    return this.#microphone !== null;
  }

  /** How long it has recorded, pauses left out. */
  elapsedMs(): number {
    return this.#ranMs + (this.paused.value ? 0 : Date.now() - this.#runningSince);
  }

  /** Loudness right now, 0 to 1. */
  level(): number {
    return this.paused.value ? 0 : (this.#microphone?.level() ?? 0);
  }

  async begin(plan: Plan, screen: SharedScreen | null, microphone: MediaStream | null): Promise<void> {
    // The lock before the session: another tab that finds the session has to find it locked.
    await this.#holdLock();
    try {
      const session: SessionInput<RecordingSchema> = {
        id: this.id,
        title: plan.title,
        category: plan.category,
        topics: plan.topics,
        tags: plan.tags,
        status: "recording",
        startedAt: new Date(),
        endedAt: null,
        counts: null,
        poster: null,
      };
      await this.#hoard.sessions.create(session);
    } catch (error) {
      this.#releaseLock?.();
      throw error;
    }
    addEventListener("beforeunload", warnBeforeLeaving);
    this.#runningSince = Date.now();
    if (microphone && plan.microphoneSegmentMs !== null) {
      this.#microphone = new MicrophoneCapture(microphone, plan.microphoneSegmentMs, {
        onSegment: (segment) => {
          this.#count(segment.sound.size, true);
          this.#save("audio", segment, this.segments);
        },
        onEnded: () => report({ title: "The microphone went away.", advice: "The recording goes on without it. Stop and start again to use another one." }),
        onFailed: (problem) => report({ title: "The sound could not be recorded.", advice: problem }),
      });
    }
    if (screen && plan.screenEveryMs !== null) {
      this.#screen = new ScreenCapture(screen, plan.screenEveryMs, {
        onShot: (shot) => this.#onShot(shot),
        onEnded: () => void this.#onScreenEnded(),
        onFailed: (problem) => report({ title: "A picture of the screen could not be taken.", advice: problem }),
      });
    }
  }

  note(text: string): void {
    this.#save("notes", { at: Date.now(), text }, this.notes);
  }

  async pause(): Promise<void> {
    if (this.paused.value) return;
    this.#ranMs = this.elapsedMs();
    this.paused.value = true;
    this.#screen?.pause();
    await this.#microphone?.pause();
  }

  resume(): void {
    if (!this.paused.value) return;
    this.#runningSince = Date.now();
    this.paused.value = false;
    this.#saveUnsaved();
    this.#screen?.resume();
    this.#microphone?.resume();
  }

  /** Ends the recording: the last segment is stored, then the session is marked as done and made durable. */
  async stop(): Promise<void> {
    if (this.stopping.value) return;
    this.stopping.value = true;
    try {
      await Promise.all([this.#screen?.stop(), this.#microphone?.stop()]);
      this.#saveUnsaved();
      await this.#settled();
      await this.#hoard.sessions.update(this.id, {
        status: "done",
        endedAt: new Date(),
        counts: { screenshots: this.frames.value, audio: this.segments.value, notes: this.notes.value },
      });
      await this.#hoard.flush();
      tell("Recording kept.");
    } catch (error) {
      reportError(error);
    } finally {
      removeEventListener("beforeunload", warnBeforeLeaving);
      this.#releaseLock?.();
      current.value = null;
    }
  }

  #onShot(shot: Shot): void {
    const { at, width, height, image } = shot;
    this.latestFrame.value = image;
    this.#count(image.size, !shot.unchanged);
    if (shot.unchanged) this.unchangedFrames.value += 1;
    this.#save("screenshots", { at, width, height, image }, this.frames);
    if (shot.poster) this.#track(this.#hoard.sessions.update(this.id, { poster: shot.poster }));
  }

  async #onScreenEnded(): Promise<void> {
    if (this.stopping.value) return;
    if (this.#microphone) {
      report({ title: "Screen sharing ended.", advice: "Sound and notes are still being recorded. Press Stop when you are done." });
    } else {
      tell("Screen sharing ended, and with it the recording.");
      await this.stop();
    }
  }

  #count(bytes: number, isNew: boolean): void {
    this.capturedBytes.value += bytes;
    if (isNew) this.newBytes.value += bytes;
  }

  #save<Name extends ListName>(list: Name, item: NewItem<Name>, counter: { value: number }): void {
    counter.value += 1;
    this.#append(list, item);
  }

  #append(list: ListName, item: NewItem<ListName>): void {
    // The union of lists and items is wider than their pairs; `#save` is where they were paired.
    const append = this.#hoard.list(this.id, list as "notes").append(item as NewItem<"notes">);
    this.#track(append.catch((error: unknown) => this.#onNotStored({ list, item }, error)));
  }

  /** What was captured is kept in memory and tried again, so that a full disk that is cleared costs nothing. */
  #onNotStored(what: Unsaved, error: unknown): void {
    this.unsaved.value = [...this.unsaved.value, what];
    const { title, advice } = explain(error);
    if (codeOf(error) === "StorageFull" && !this.stopping.value) {
      void this.pause();
      report({ title: `${title} The recording is paused.`, advice: `${advice} Then press Resume.` });
    } else {
      report({ title, advice });
    }
  }

  #saveUnsaved(): void {
    const again = this.unsaved.value;
    this.unsaved.value = [];
    for (const { list, item } of again) this.#append(list, item);
  }

  #track(work: Promise<unknown>): void {
    const settled = work.then(
      () => undefined,
      (error: unknown) => reportError(error),
    );
    this.#pending.add(settled);
    void settled.then(() => this.#pending.delete(settled));
  }

  async #settled(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }

  /** Tells other tabs, and this one after a reload, that the session is being recorded. */
  async #holdLock(): Promise<void> {
    if (!navigator.locks) return;
    await new Promise<void>((held) => {
      void navigator.locks.request(recordingLock(this.id), () => {
        held();
        return new Promise<void>((release) => {
          this.#releaseLock = release;
        });
      });
    });
  }
}

function warnBeforeLeaving(event: BeforeUnloadEvent): void {
  event.preventDefault();
}

/**
 * Asks for what the plan captures and starts recording. Resolves with the recording, or with null after reporting what
 * was refused. Has to be called from a user's action.
 */
export async function start(plan: Plan): Promise<Recording | null> {
  const hoard = theHoard();
  let screen: SharedScreen | null = null;
  let microphone: MediaStream | null = null;
  const letGo = () => {
    for (const track of [...(screen?.stream.getTracks() ?? []), ...(microphone?.getTracks() ?? [])]) track.stop();
  };

  try {
    // The screen first: browsers grant it only while the user's action is still recent.
    if (plan.screenEveryMs !== null) screen = await ScreenCapture.ask();
  } catch (error) {
    report(explainCapture(error, "screen"));
    return null;
  }
  try {
    if (plan.microphoneSegmentMs !== null) microphone = await MicrophoneCapture.ask();
  } catch (error) {
    letGo();
    report(explainCapture(error, "microphone"));
    return null;
  }

  try {
    const recording = new Recording(hoard, plan);
    await recording.begin(plan, screen, microphone);
    current.value = recording;
    return recording;
  } catch (error) {
    letGo();
    reportError(error);
    return null;
  }
}
