// An engine of plain maps, to test what stands around the engine: order, gathering, bounds, crashes. It resolves its
// writes only when told to where a test wants that.
import { createHash } from "node:crypto";
import type {
  Attachment,
  AttachmentInput,
  CacheTarget,
  Change,
  ChunkOut,
  Document,
  Documents,
  DocumentsOut,
  Engine,
  EngineEvent,
  EngineJob,
  EngineOptions,
  EngineStats,
  ListInput,
  ListLoad,
  ListQuery,
  ListStat,
  SearchOut,
  SessionLoad,
  SessionPage,
} from "../../src/engine.js";

const decoder = new TextDecoder();
const encoder = new TextEncoder();

function fail(code: string, message = code): never {
  throw { code, message, retryable: false, needsReload: false };
}

interface Held {
  json: string;
  attachments: Attachment[];
}

interface FakeSession {
  meta: Held;
  lists: Map<string, Held[]>;
}

/** What outlives an engine. */
export class Disk {
  readonly sessions = new Map<string, FakeSession>();
  /** The highest number of each writer that was decided. */
  readonly decided = new Map<string, number>();
  generation = 0;
}

export class FakeEngine implements Engine {
  readonly log: string[] = [];
  readonly options: EngineOptions;
  readonly disk: Disk;
  readonly report: (event: EngineEvent) => void;
  /** The number and the acknowledgement of each write. */
  readonly numbered: [seq: number, ack: number][] = [];
  readonly attachments = new Map<string, { bytes: Uint8Array; type: string }>();
  readonly uploads = new Map<string, Uint8Array[]>();
  /** When set, what every write waits for before it resolves. */
  gate: Promise<void> | undefined;
  /** Items of a chunk. */
  chunk = 3;
  /** Bytes of attachments inside calls that have not resolved, and their maximum so far. */
  held = 0;
  heldMax = 0;
  closed = false;

  /** What every write fails of. */
  broken: object | undefined;

  /** What was searched for, and what of a search's answer is another than that nothing was found. */
  readonly requests: unknown[] = [];
  answer: Partial<SearchOut> & { found?: string[] } = {};
  /** When set, what a search waits for, and what it fails of. */
  searching: Promise<void> | undefined;

  constructor(options: EngineOptions, disk = new Disk(), report: (event: EngineEvent) => void = () => {}) {
    this.options = options;
    this.disk = disk;
    this.report = report;
  }

  get sessions(): Map<string, FakeSession> {
    return this.disk.sessions;
  }

  async #write<T>(name: string, apply: () => T, seq = 0, ack = 1, changes: Change[] = []): Promise<T> {
    this.log.push(name);
    if (this.closed) fail("Closed");
    this.numbered.push([seq, ack]);
    const writer = this.options.writer ?? "";
    if (seq > 0 && seq <= (this.disk.decided.get(writer) ?? 0)) return undefined as T;
    if (this.broken !== undefined) throw this.broken;
    if (seq > 0) this.disk.decided.set(writer, seq);
    const result = apply();
    await this.gate;
    this.disk.generation += 1;
    this.report({ type: "committed", generation: this.disk.generation, changes });
    return result;
  }

  #take(input: AttachmentInput): Attachment {
    if ("hash" in input) {
      const found = this.attachments.get(input.hash) ?? fail("NotFound");
      return { hash: input.hash, size: found.bytes.length, type: found.type };
    }
    // Messages between threads are copies: nobody else can reach these bytes any more.
    const hash = createHash("sha256").update(input.bytes).digest("hex");
    if (!this.attachments.has(hash)) this.attachments.set(hash, { bytes: input.bytes.slice(), type: input.type });
    return { hash, size: input.bytes.length, type: input.type };
  }

  #document({ json, attachments }: Document): Held {
    return { json: decoder.decode(json), attachments: attachments.map((input) => this.#take(input)) };
  }

  #documents({ json, lengths, attachments }: Documents): Held[] {
    const table = attachments.map((input) => this.#take(input));
    let at = 0;
    const texts = Array.from(lengths, (length) => decoder.decode(json.subarray(at, (at += length))));
    if (at !== json.length) fail("InvalidArgument", "lengths do not add up");
    return texts.map((text) => ({ json: text, attachments: table }));
  }

  #session(id: string): FakeSession {
    return this.sessions.get(id) ?? fail("NotFound", `there is no session ${id}`);
  }

  create(id: string, meta: Document, seq: number, ack: number): Promise<void> {
    const apply = (): void => {
      if (this.sessions.has(id)) fail("AlreadyExists");
      this.sessions.set(id, { meta: this.#document(meta), lists: new Map() });
    };
    return this.#write(`create ${id}`, apply, seq, ack, [{ session: id, kind: "metadata" }]);
  }

  put(id: string, meta: Document, seq: number, ack: number): Promise<void> {
    const apply = (): void => {
      const lists = this.sessions.get(id)?.lists ?? new Map<string, Held[]>();
      this.sessions.set(id, { meta: this.#document(meta), lists });
    };
    return this.#write(`put ${id}`, apply, seq, ack, [{ session: id, kind: "metadata" }]);
  }

  update(id: string, patch: Document, remove: string[], seq: number, ack: number): Promise<void> {
    const apply = (): void => {
      const session = this.#session(id);
      const merged = { ...JSON.parse(session.meta.json), ...JSON.parse(this.#document(patch).json) };
      for (const name of remove) delete merged[name];
      session.meta = { json: JSON.stringify(merged), attachments: [] };
    };
    return this.#write(`update ${id}`, apply, seq, ack, [{ session: id, kind: "metadata" }]);
  }

  delete(ids: string[], seq: number, ack: number): Promise<number> {
    const apply = (): number => ids.filter((id) => this.sessions.delete(id)).length;
    const changes = ids.map((session): Change => ({ session, kind: "deleted" }));
    return this.#write(`delete ${ids.length}`, apply, seq, ack, changes);
  }

  save(id: string, meta: Document, lists: ListInput[], seq: number, ack: number): Promise<void> {
    const bytes = [meta, ...lists.map(({ items }) => items)].flatMap(({ attachments }) => attachments);
    this.#hold(bytes);
    const apply = (): void => {
      const stored = lists.map(({ name, items }) => [name, this.#documents(items)] as const);
      this.sessions.set(id, { meta: this.#document(meta), lists: new Map(stored) });
    };
    const changes: Change[] = [{ session: id, kind: "saved" }];
    return this.#write(`save ${id}`, apply, seq, ack, changes).finally(() => this.#hold(bytes, -1));
  }

  append(id: string, list: string, items: Documents, seq: number, ack: number): Promise<number> {
    this.#hold(items.attachments);
    const apply = (): number => {
      const { lists } = this.#session(id);
      const all = lists.get(list) ?? [];
      lists.set(list, all);
      all.push(...this.#documents(items));
      return all.length - items.lengths.length;
    };
    const changes: Change[] = [{ session: id, kind: "appended", list }];
    return this.#write(`append ${id}/${list} ${items.lengths.length}`, apply, seq, ack, changes).finally(() =>
      this.#hold(items.attachments, -1),
    );
  }

  set(id: string, list: string, index: number, item: Document, seq: number, ack: number): Promise<void> {
    const apply = (): void => {
      const items = this.#session(id).lists.get(list) ?? [];
      if (index >= items.length) fail("NotFound");
      items[index] = this.#document(item);
    };
    return this.#write(`set ${id}/${list} ${index}`, apply, seq, ack, [{ session: id, kind: "set", list }]);
  }

  #hold(inputs: AttachmentInput[], sign = 1): void {
    for (const input of inputs) if ("bytes" in input) this.held += sign * input.bytes.length;
    this.heldMax = Math.max(this.heldMax, this.held);
  }

  attach(attachment: AttachmentInput, ack: number): Promise<Attachment> {
    if ("bytes" in attachment && attachment.bytes.length > 1 << 20) fail("TooLarge");
    this.#hold([attachment]);
    return this.#write("attach", () => this.#take(attachment), 0, ack).finally(() => this.#hold([attachment], -1));
  }

  async uploadBegin(): Promise<string> {
    const name = `upload ${this.uploads.size}`;
    this.uploads.set(name, []);
    this.log.push("uploadBegin");
    return name;
  }

  async uploadPart(upload: string, bytes: Uint8Array): Promise<void> {
    if (bytes.length > 4 << 20) fail("TooLarge");
    this.log.push(`uploadPart ${bytes.length}`);
    (this.uploads.get(upload) ?? fail("NotFound")).push(bytes.slice());
  }

  async uploadFinish(upload: string, type: string): Promise<Attachment> {
    const parts = this.uploads.get(upload) ?? fail("NotFound");
    this.uploads.delete(upload);
    this.log.push("uploadFinish");
    return this.#take({ type, bytes: Buffer.concat(parts) });
  }

  async uploadCancel(upload: string): Promise<void> {
    this.log.push("uploadCancel");
    this.uploads.delete(upload);
  }

  async get(ids: string[]): Promise<DocumentsOut> {
    this.log.push(`get ${ids.length}`);
    if (this.closed) fail("Closed");
    const found = ids.map((id) => this.sessions.get(id)?.meta);
    return {
      json: encoder.encode(`[${found.map((meta) => meta?.json ?? "null").join(",")}]`),
      tables: found.map((meta) => meta?.attachments ?? null),
    };
  }

  async list({ limit, after, reverse }: ListQuery): Promise<SessionPage> {
    this.log.push(`list ${limit}`);
    const ids = [...this.sessions.keys()].sort();
    if (reverse) ids.reverse();
    const from = after === undefined ? 0 : ids.indexOf(after) + 1;
    const page = ids.slice(from, from + limit);
    return { ...(await this.get(page)), damaged: null, next: from + limit < ids.length ? (page.at(-1) ?? null) : null };
  }

  async count(): Promise<number> {
    this.log.push("count");
    return this.sessions.size;
  }

  async lists(id: string): Promise<ListStat[]> {
    return Array.from(this.#session(id).lists, ([name, items]) => ({ name, items: items.length, chunks: 1, bytes: 0 }));
  }

  async read(id: string, list: string, from: number, to: number, bytesMax: number): Promise<ChunkOut[]> {
    this.log.push(`read ${id}/${list} ${from} ${bytesMax}`);
    const items = this.#session(id).lists.get(list) ?? [];
    const end = Math.min(to, items.length);
    const chunks: ChunkOut[] = [];
    for (let first = from, bytes = 0; first < end && bytes < bytesMax;) {
      const next = Math.min(end, (Math.floor(first / this.chunk) + 1) * this.chunk);
      const part = items.slice(first, next);
      const text = `[${part.map(({ json }) => json).join(",")}]`;
      const begin = Math.floor(first / this.chunk) * this.chunk;
      const whole = items.slice(begin, begin + this.chunk);
      if (whole.some(({ json }) => json.includes("damaged"))) {
        const error = { code: "Corrupt", message: "damaged", retryable: false, needsReload: false };
        chunks.push({ first, count: part.length, json: encoder.encode("[]"), attachments: null, error });
      } else {
        chunks.push({
          first,
          count: part.length,
          json: encoder.encode(text),
          attachments: part[0]?.attachments ?? null,
          error: null,
        });
      }
      bytes += text.length;
      first = next;
    }
    return chunks;
  }

  async load(id: string, names: string[] | null, bytesMax: number): Promise<SessionLoad> {
    const wanted = (await this.lists(id)).filter(({ name }) => names?.includes(name) ?? true);
    const load = async (stat: ListStat): Promise<ListLoad> => {
      return { ...stat, read: await this.read(id, stat.name, 0, Infinity, bytesMax) };
    };
    return { meta: await this.get([id]), lists: await Promise.all(wanted.map(load)) };
  }

  async search(request: string): Promise<SearchOut> {
    this.log.push("search");
    this.requests.push(JSON.parse(request));
    const { found, ...answer } = this.answer;
    const ids = found ?? [];
    const meta = found === undefined ? null : await this.get(found);
    await this.searching;
    return {
      total: ids.length,
      cut: false,
      incomplete: false,
      ids,
      scores: ids.map((_, n) => 1 / (n + 1)),
      at: ids.map(() => null),
      meta,
      snippets: null,
      facets: [],
      problems: [],
      ...answer,
    };
  }

  async suggest(request: string): Promise<{ text: string; count: number }[]> {
    this.requests.push(JSON.parse(request));
    await this.searching;
    return [{ text: "login", count: 3 }];
  }

  async readAttachment(hash: string, start: number, end: number): Promise<Uint8Array> {
    this.log.push(`readAttachment ${start} ${end}`);
    if (end - start > 4 << 20) fail("TooLarge");
    return new Uint8Array((this.attachments.get(hash) ?? fail("NotFound")).bytes.subarray(start, end));
  }

  async stat(hash: string): Promise<Attachment & { storedSize: number; encoding: string; references: number }> {
    const found = this.attachments.get(hash) ?? fail("NotFound");
    const size = found.bytes.length;
    return { hash, size, type: found.type, storedSize: size, encoding: "identity", references: 0 };
  }

  async stats(): Promise<EngineStats> {
    const { generation, sessions } = this.disk;
    const cache = { entries: 0, bytes: 0, hits: 0 };
    return { storeId: "store", generation, sessions: sessions.size, cache } as unknown as EngineStats;
  }

  peer(generation: number, sessions: string[]): void {
    this.log.push(`peer ${generation} ${sessions.join()}`);
  }

  distrust(): void {
    this.log.push("distrust");
  }

  invalidate(target: CacheTarget | null): number {
    this.log.push(`invalidate ${JSON.stringify(target)}`);
    return 7;
  }

  async background(): Promise<string> {
    this.log.push("background");
    return "fence";
  }

  housekeeping(fence: string): EngineJob {
    this.log.push(`housekeeping ${fence}`);
    return this.#job(3);
  }

  collect(): EngineJob {
    return this.#job(4);
  }

  verify(): EngineJob {
    return this.#job(2);
  }

  optimize(): EngineJob {
    return this.#job(5);
  }

  reindex(): EngineJob {
    return this.#job(6);
  }

  #job(steps: number): EngineJob {
    let done = 0;
    let cancelled = false;
    return {
      cancel: () => (cancelled = true),
      step: async () => {
        if (cancelled) fail("Cancelled");
        this.log.push(`step ${done}`);
        done += 1;
        const progress = { phase: "work", done, total: steps, unit: "steps" };
        const report = { dryRun: false, marked: 0, attachments: 0, bytes: 0, uploads: done };
        return done < steps ? { done: false, progress } : { done: true, progress, report };
      },
    };
  }

  async flush(): Promise<void> {
    await this.#write("flush", () => {});
  }

  async close(): Promise<void> {
    this.log.push("close");
    this.closed = true;
  }
}
