// The messages between the page and the worker that turns what the screen shows into PNG pictures.

export type ToFrames =
  /** Take a picture every `everyMs`. `frames` is given where the browser can hand over the track's frames. */
  | { kind: "start"; everyMs: number; frames: ReadableStream<VideoFrame> | null }
  /** The answer to `wanted`. */
  | { kind: "frame"; bitmap: ImageBitmap }
  | { kind: "pause" }
  | { kind: "resume" }
  /** The last message: the worker finishes the picture it is at, lets go of the screen and answers `stopped`. */
  | { kind: "stop" };

export type FromFrames =
  /** There is no stream to read from, or nothing has come of it: the page is to send the current frame. */
  | { kind: "wanted" }
  /** A picture. `unchanged`: its bytes are the last one's. `poster` comes with the first. */
  | { kind: "shot"; at: number; width: number; height: number; image: Blob; unchanged: boolean; poster: Blob | null }
  | { kind: "failed"; problem: string }
  /** Nothing comes after this. */
  | { kind: "stopped" };
