/**
 * Reading a list chunk by chunk, with the next chunks on their way while the present ones are used.
 */
import { untilAborted } from "./abort.js";
import type { Channel } from "./channel.js";
import type { ChunkOut } from "./engine.js";
import { decodeChunk } from "./decode.js";
import { HoardError, aborted } from "./errors.js";
import { Pace } from "./pace.js";
import type { ListChunk } from "./types.js";

/**
 * Bytes of JSON that the first request of a run asks for, so that something can be shown soon, and each further one.
 */
const FIRST_BYTES = 64 * 1024;
const BYTES = 512 * 1024;

/** What to read. */
export interface Stretch {
  session: string;
  list: string;
  from: number;
  to: number;
}

/** Asks for the chunks at the beginning of a stretch: at least one, as many as fit. */
export function readSome(
  channel: Channel,
  { session, list, from, to }: Stretch,
  bytesMax = FIRST_BYTES,
): Promise<ChunkOut[]> {
  return channel.call("read", { session, list, from, to, bytesMax });
}

/** Where a run of chunks ends. */
export function endOf(chunks: readonly ChunkOut[], otherwise: number): number {
  const last = chunks.at(-1);
  return last === undefined ? otherwise : last.first + last.count;
}

/** Chunks as they come from the engine. `begun` is what was read of the stretch already. */
export async function* rawChunks(
  channel: Channel,
  stretch: Stretch,
  signal: AbortSignal | undefined,
  begun: Promise<ChunkOut[]> = readSome(channel, stretch),
): AsyncGenerator<ChunkOut, void, undefined> {
  let next: Promise<ChunkOut[]> | undefined = begun;
  while (next !== undefined) {
    const chunks: ChunkOut[] = await untilAborted(next, signal);
    const from = endOf(chunks, stretch.to);
    next = chunks.length > 0 && from < stretch.to ? readSome(channel, { ...stretch, from }, BYTES) : undefined;
    // Whoever stops reading never looks at it.
    next?.catch(() => {});
    yield* chunks;
  }
}

/** Chunks with their items, decoded one by one. */
export async function* decodedChunks<T>(
  channel: Channel,
  chunks: AsyncIterable<ChunkOut>,
  signal: AbortSignal | undefined,
): AsyncGenerator<ListChunk<T>, void, undefined> {
  const pace = new Pace();
  for await (const chunk of chunks) {
    if (pace.due) await pace.turn();
    if (signal?.aborted) throw aborted(signal);
    const { first: from, count } = chunk;
    try {
      yield { from, to: from + count, items: decodeChunk(chunk, channel) as T[] };
    } catch (error) {
      if (!(error instanceof HoardError)) throw error;
      yield { from, to: from + count, items: [], error };
    }
  }
}
