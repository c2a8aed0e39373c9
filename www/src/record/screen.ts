// The shared screen, as a sequence of PNG pictures.

import type { FromFrames, ToFrames } from "./frames";

export type Shot = Extract<FromFrames, { kind: "shot" }>;

export interface ScreenEvents {
  onShot(shot: Shot): void;
  /** The person stopped sharing in the browser's own controls, or the window shared was closed. */
  onEnded(): void;
  onFailed(problem: string): void;
}

/** How long the last picture may take: a worker that has crashed says nothing. */
const stoppingMostMs = 5000;

/** Hands out a track's frames as a stream; Chromium has it, and it works while the page is in the background. */
declare class MediaStreamTrackProcessor {
  constructor(init: { track: MediaStreamTrack });
  readonly readable: ReadableStream<VideoFrame>;
}

/** A screen that was shared, and its frames where the browser can hand them over. */
export interface SharedScreen {
  stream: MediaStream;
  frames: ReadableStream<VideoFrame> | null;
}

export class ScreenCapture {
  readonly #stream: MediaStream;
  readonly #worker: Worker;
  readonly #stopped = deferred();
  #video: Promise<HTMLVideoElement> | null = null;

  /** Asks for a screen. Has to be called from a user's action; rejects with what the browser says when refused. */
  static async ask(): Promise<SharedScreen> {
    const stream = await navigator.mediaDevices.getDisplayMedia({ video: { frameRate: { ideal: 10 } }, audio: false });
    const [track] = stream.getVideoTracks();
    // At once: of a screen that does not change there may never be another frame than the first.
    const frames = track && "MediaStreamTrackProcessor" in window ? new MediaStreamTrackProcessor({ track }).readable : null;
    return { stream, frames };
  }

  constructor({ stream, frames }: SharedScreen, everyMs: number, events: ScreenEvents) {
    this.#stream = stream;
    const [track] = stream.getVideoTracks();
    track?.addEventListener("ended", () => events.onEnded(), { once: true });

    this.#worker = new Worker(new URL("./frames-worker.ts", import.meta.url), { type: "module", name: "frames" });
    this.#worker.onmessage = ({ data }: MessageEvent<FromFrames>) => {
      switch (data.kind) {
        case "shot":
          events.onShot(data);
          break;
        case "failed":
          events.onFailed(data.problem);
          break;
        case "wanted":
          void this.#sendFrame(events);
          break;
        case "stopped":
          this.#stopped.resolve();
          break;
      }
    };
    this.#worker.onerror = () => {
      events.onFailed("the worker that takes the pictures did not start");
      this.#stopped.resolve();
    };

    this.#post({ kind: "start", everyMs, frames }, frames ? [frames] : []);
  }

  pause(): void {
    this.#post({ kind: "pause" });
  }

  resume(): void {
    this.#post({ kind: "resume" });
  }

  /** Lets go of the screen. Resolves when `onShot` had the last picture. */
  async stop(): Promise<void> {
    for (const track of this.#stream.getTracks()) track.stop();
    this.#post({ kind: "stop" });
    void this.#video?.then((video) => {
      video.srcObject = null;
    });
    await Promise.race([this.#stopped.promise, new Promise((passed) => setTimeout(passed, stoppingMostMs))]);
    this.#worker.terminate();
  }

  async #sendFrame(events: ScreenEvents): Promise<void> {
    try {
      this.#video ??= play(this.#stream);
      const bitmap = await createImageBitmap(await this.#video);
      this.#post({ kind: "frame", bitmap }, [bitmap]);
    } catch (error) {
      events.onFailed(error instanceof Error ? error.message : String(error));
    }
  }

  #post(message: ToFrames, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }
}

function deferred(): { promise: Promise<void>; resolve(): void } {
  let resolve = () => {};
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** An element that shows the stream, ready to be looked at. */
async function play(stream: MediaStream): Promise<HTMLVideoElement> {
  const video = document.createElement("video");
  video.muted = true;
  video.srcObject = stream;
  await video.play();
  return video;
}
