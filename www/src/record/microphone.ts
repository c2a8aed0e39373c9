// The microphone, as self-contained segments of sound.

export interface Segment {
  at: number;
  durationMs: number;
  peaks: number[];
  sound: Blob;
}

export interface MicrophoneEvents {
  onSegment(segment: Segment): void;
  /** The microphone was unplugged or its permission taken away. */
  onEnded(): void;
  onFailed(problem: string): void;
}

/** Preferred first; Safari has no WebM. An empty answer lets the browser choose. */
const soundTypes = ["audio/webm;codecs=opus", "audio/mp4;codecs=mp4a.40.2", "audio/ogg;codecs=opus"];

/** How many bars a segment's shape has. */
const peaksPerSegment = 96;

export class MicrophoneCapture {
  readonly #stream: MediaStream;
  readonly #events: MicrophoneEvents;
  readonly #segmentMs: number;
  readonly #context = new AudioContext();
  readonly #analyser: AnalyserNode;
  readonly #samples: Float32Array<ArrayBuffer>;
  #running: MediaRecorder | null = null;
  /** Segments that were begun and not yet handed to `onSegment`. */
  readonly #unfinished = new Set<Promise<void>>();
  #cut: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;

  /** Asks for the microphone; rejects with what the browser says when refused. */
  static async ask(): Promise<MediaStream> {
    return navigator.mediaDevices.getUserMedia({ audio: true });
  }

  constructor(stream: MediaStream, segmentMs: number, events: MicrophoneEvents) {
    this.#stream = stream;
    this.#events = events;
    this.#segmentMs = segmentMs;
    this.#analyser = this.#context.createAnalyser();
    this.#analyser.fftSize = 1024;
    this.#samples = new Float32Array(this.#analyser.fftSize);
    this.#context.createMediaStreamSource(stream).connect(this.#analyser);
    stream.getAudioTracks()[0]?.addEventListener(
      "ended",
      () => {
        if (!this.#stopping) events.onEnded();
      },
      { once: true },
    );
    this.#begin();
  }

  /** Loudness right now, 0 to 1, for a meter. */
  level(): number {
    this.#analyser.getFloatTimeDomainData(this.#samples);
    return Math.min(1, loudest(this.#samples) * 1.4);
  }

  /** Ends the segment that runs; nothing is heard until `resume`. */
  async pause(): Promise<void> {
    await this.#end();
  }

  resume(): void {
    this.#begin();
  }

  /** Ends the last segment and lets go of the microphone. Resolves when `onSegment` had it. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await this.#end();
    for (const track of this.#stream.getTracks()) track.stop();
    await this.#context.close();
  }

  #begin(): void {
    const type = soundTypes.find((candidate) => MediaRecorder.isTypeSupported(candidate));
    const recorder = new MediaRecorder(this.#stream, type ? { mimeType: type } : {});
    const at = Date.now();
    const parts: Blob[] = [];
    recorder.ondataavailable = ({ data }) => {
      if (data.size > 0) parts.push(data);
    };
    const finished = new Promise<void>((resolve) => {
      recorder.onerror = () => this.#events.onFailed("the browser stopped encoding the sound");
      recorder.onstop = () => {
        const elapsed = Date.now() - at;
        const sound = new Blob(parts, { type: recorder.mimeType || type || "audio/webm" });
        if (sound.size === 0) resolve();
        else
          void measure(sound, elapsed).then((shape) => {
            this.#events.onSegment({ at, ...shape, sound });
            resolve();
          });
      };
    });
    recorder.start();
    this.#running = recorder;
    this.#unfinished.add(finished);
    void finished.then(() => this.#unfinished.delete(finished));
    this.#cut = setTimeout(() => {
      // The next segment starts before this one stops, so that no word falls between them.
      this.#begin();
      if (recorder.state !== "inactive") recorder.stop();
    }, this.#segmentMs);
  }

  async #end(): Promise<void> {
    clearTimeout(this.#cut);
    const ending = this.#running;
    this.#running = null;
    if (ending && ending.state !== "inactive") ending.stop();
    await Promise.all(this.#unfinished);
  }
}

/** The exact length and the shape of a segment. Where it cannot be decoded, the time it took and no shape. */
async function measure(sound: Blob, elapsed: number): Promise<{ durationMs: number; peaks: number[] }> {
  try {
    const decoded = await new OfflineAudioContext(1, 1, 16_000).decodeAudioData(await sound.arrayBuffer());
    return { durationMs: Math.round(decoded.duration * 1000), peaks: peaksOf(decoded.getChannelData(0)) };
  } catch {
    return { durationMs: elapsed, peaks: [] };
  }
}

function peaksOf(samples: Float32Array): number[] {
  const span = samples.length / peaksPerSegment;
  if (span < 1) return [];
  return Array.from({ length: peaksPerSegment }, (_, i) =>
    Math.round(Math.min(1, loudest(samples.subarray(Math.floor(i * span), Math.floor((i + 1) * span)))) * 99),
  );
}

function loudest(samples: Float32Array): number {
  let most = 0;
  for (const sample of samples) most = Math.max(most, Math.abs(sample));
  return most;
}
