// Takes a picture of the shared screen every few seconds. A worker, because a page in the background (its user is in
// the window being recorded) has its timers and canvas slowed down, and because encoding a PNG takes tens of ms.

import type { FromFrames, ToFrames } from "./frames";

/** The poster's longer side, in pixels. */
const posterSize = 192;

const port = self as unknown as {
  postMessage(message: FromFrames): void;
  onmessage: ((event: MessageEvent<ToFrames>) => void) | null;
  close(): void;
};

let timer: ReturnType<typeof setInterval> | undefined;
let everyMs = 5000;
let streamed = false;
/** The newest frame of the track, which sends one only when the screen changes. */
let newest: VideoFrame | null = null;
/** Whether `newest` came after the last picture was taken. */
let fresh = false;
let last: { image: Blob; bytes: Uint8Array; width: number; height: number } | null = null;
let encoding = false;
/** Settled when no picture is being encoded. */
let finished: Promise<void> = Promise.resolve();
let stopped = false;

port.onmessage = ({ data: message }) => {
  switch (message.kind) {
    case "start":
      everyMs = message.everyMs;
      streamed = message.frames !== null;
      if (message.frames) void read(message.frames);
      run();
      if (!streamed) tick();
      break;
    case "frame":
      take(message.bitmap);
      break;
    case "pause":
      clearInterval(timer);
      timer = undefined;
      break;
    case "resume":
      run();
      tick();
      break;
    case "stop":
      stopped = true;
      clearInterval(timer);
      timer = undefined;
      newest?.close();
      newest = null;
      void finished.then(() => {
        port.postMessage({ kind: "stopped" });
        port.close();
      });
      break;
  }
};

function run(): void {
  clearInterval(timer);
  timer = setInterval(tick, everyMs);
}

async function read(frames: ReadableStream<VideoFrame>): Promise<void> {
  const reader = frames.getReader();
  for (;;) {
    const { value: frame, done } = await reader.read();
    if (done) return;
    if (stopped) {
      frame.close();
      return;
    }
    const first = newest === null;
    newest?.close();
    newest = frame;
    fresh = true;
    // The first picture is taken as soon as there is something to see, not an interval later.
    if (first) tick();
  }
}

function tick(): void {
  // A screen that takes longer to encode than the interval skips a picture rather than falling behind.
  if (encoding || timer === undefined) return;
  if (!streamed || !newest) {
    // There is no stream, or nothing has come of it yet: the page looks at the screen for us.
    port.postMessage({ kind: "wanted" });
  } else if (!fresh && last) {
    // Nothing arrived since the last picture: the screen is the same, and so are the bytes.
    const { image, width, height } = last;
    port.postMessage({ kind: "shot", at: Date.now(), width, height, image, unchanged: true, poster: null });
  } else {
    fresh = false;
    take(newest);
  }
}

function take(source: VideoFrame | ImageBitmap): void {
  if (encoding || stopped) return;
  encoding = true;
  finished = encode(source).finally(() => {
    encoding = false;
  });
}

async function encode(source: VideoFrame | ImageBitmap): Promise<void> {
  try {
    const at = Date.now();
    const [width, height] = "displayWidth" in source ? [source.displayWidth, source.displayHeight] : [source.width, source.height];
    const canvas = draw(source, width, height);
    // A frame of the stream is closed when the next one comes; a bitmap is of no more use.
    if (source instanceof ImageBitmap) source.close();
    const image = await canvas.convertToBlob({ type: "image/png" });
    const bytes = new Uint8Array(await image.arrayBuffer());
    const unchanged = last !== null && equal(last.bytes, bytes);
    const poster = last === null ? await shrink(canvas) : null;
    last = { image, bytes, width, height };
    port.postMessage({ kind: "shot", at, width, height, image, unchanged, poster });
  } catch (error) {
    port.postMessage({ kind: "failed", problem: error instanceof Error ? error.message : String(error) });
  }
}

function draw(source: CanvasImageSource, width: number, height: number): OffscreenCanvas {
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { alpha: false });
  if (!context) throw new Error("this browser gives out no canvas");
  context.imageSmoothingQuality = "high";
  context.drawImage(source, 0, 0, width, height);
  return canvas;
}

async function shrink(canvas: OffscreenCanvas): Promise<Blob> {
  const scale = Math.min(1, posterSize / Math.max(canvas.width, canvas.height));
  const small = draw(canvas, Math.max(1, Math.round(canvas.width * scale)), Math.max(1, Math.round(canvas.height * scale)));
  return small.convertToBlob({ type: "image/png" });
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
