// Plays recorded segments, one after the other. Segments are decoded rather than given to an `audio` element: what
// MediaRecorder writes has no index, and browsers cannot seek in it exactly.

import { signal } from "@preact/signals";
import { report } from "../notices";
import type { ListItem } from "../schema";

export interface Playing {
  index: number;
  paused: boolean;
}

export class Player {
  readonly playing = signal<Playing | null>(null);
  /** Seconds into the segment that plays; follows the sound while it does. */
  readonly position = signal(0);

  readonly #segments = new Map<number, ListItem<"audio">>();
  #context: AudioContext | null = null;
  #source: AudioBufferSourceNode | null = null;
  #buffer: { index: number; audio: AudioBuffer } | null = null;
  /** The context's time at which the segment would have begun. */
  #origin = 0;

  /** Makes a segment known, so that the one before it leads on to it. */
  add(index: number, segment: ListItem<"audio">): void {
    this.#segments.set(index, segment);
  }

  async toggle(index: number): Promise<void> {
    const now = this.playing.value;
    if (now?.index !== index) await this.play(index, 0);
    else if (now.paused) await this.play(index, this.position.value);
    else this.pause();
  }

  async play(index: number, from: number): Promise<void> {
    const segment = this.#segments.get(index);
    if (!segment) return;
    this.#silence();
    this.#context ??= new AudioContext();
    this.position.value = from;
    this.playing.value = { index, paused: false };
    try {
      await this.#context.resume();
      if (this.#buffer?.index !== index) {
        const sound = await segment.sound.blob();
        this.#buffer = { index, audio: await this.#context.decodeAudioData(await sound.arrayBuffer()) };
      }
    } catch (error) {
      this.playing.value = null;
      const words = error instanceof Error ? error.message : String(error);
      report({ title: "This sound cannot be played.", advice: words });
      return;
    }
    // Another segment may have been asked for while this one was decoded.
    if (this.playing.value?.index !== index || this.playing.value.paused || !this.#context) return;
    const source = this.#context.createBufferSource();
    source.buffer = this.#buffer.audio;
    source.connect(this.#context.destination);
    source.onended = () => {
      if (this.#source !== source) return;
      if (this.#segments.has(index + 1)) void this.play(index + 1, 0);
      else this.stop();
    };
    source.start(0, Math.min(from, this.#buffer.audio.duration));
    this.#source = source;
    this.#origin = this.#context.currentTime - from;
    this.#follow();
  }

  pause(): void {
    const now = this.playing.value;
    if (!now) return;
    this.#silence();
    this.playing.value = { ...now, paused: true };
  }

  /** Moves within the segment that plays, or starts another one there. */
  async seek(index: number, to: number): Promise<void> {
    const now = this.playing.value;
    if (now?.index === index && now.paused) this.position.value = to;
    else await this.play(index, to);
  }

  stop(): void {
    this.#silence();
    this.playing.value = null;
    this.position.value = 0;
  }

  close(): void {
    this.stop();
    void this.#context?.close();
    this.#context = null;
  }

  #silence(): void {
    const source = this.#source;
    this.#source = null;
    source?.stop();
  }

  #follow(): void {
    requestAnimationFrame(() => {
      if (!this.#source || !this.#context) return;
      this.position.value = this.#context.currentTime - this.#origin;
      this.#follow();
    });
  }
}
