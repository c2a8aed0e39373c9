// A channel to a fake engine, over real messages: what is posted is cloned and transferred as between threads.
import { Channel, type ChannelOptions, type Connector } from "../../src/channel.js";
import { PageCache } from "../../src/cache.js";
import type { EngineOptions } from "../../src/engine.js";
import { EngineHost } from "../../src/engine-host.js";
import type { HoardError } from "../../src/errors.js";
import { Hoard } from "../../src/hoard.js";
import type { FromEngine, ToEngine } from "../../src/protocol.js";
import { Disk, FakeEngine } from "./fake-engine.js";

export interface Connection {
  engine: FakeEngine;
  host: EngineHost;
  /** Messages that arrived at the engine's side. */
  messages: ToEngine[];
  /** Changes what arrives at the page. */
  tamper: ((message: FromEngine) => unknown) | undefined;
  fail: (error: HoardError) => void;
  released: boolean;
}

export interface Fake {
  hoard: Hoard;
  channel: Channel;
  /** One for each time the engine was started. */
  connections: Connection[];
  /** The latest. */
  get engine(): FakeEngine;
  get messages(): ToEngine[];
}

export interface FakeOptions {
  again?: boolean;
  foreign?: boolean;
  /** Called with each new engine. */
  started?: (engine: FakeEngine) => void;
  /** What loading the engine fails of. */
  unavailable?: object;
  /** What outlives the engine, if anything is to. */
  disk?: Disk;
  channel?: ChannelOptions;
  opening?: Partial<EngineOptions>;
}

let number = 0;

export async function connect(options: FakeOptions = {}): Promise<Fake> {
  const connections: Connection[] = [];
  const connector: Connector = {
    again: options.again ?? true,
    foreign: options.foreign ?? false,
    connect(hoard, events) {
      const { port1: page, port2: worker } = new MessageChannel();
      const connection: Connection = {
        engine: undefined as unknown as FakeEngine,
        host: undefined as unknown as EngineHost,
        messages: [],
        tamper: undefined,
        fail: events.failed,
        released: false,
      };
      connection.host = new EngineHost(
        hoard,
        (message, transfer) => worker.postMessage(connection.tamper ? connection.tamper(message) : message, transfer),
        async () => {
          if (options.unavailable !== undefined) throw options.unavailable;
          return {
            async open(opening, report) {
              connection.engine = new FakeEngine(opening, options.disk ?? new Disk(), report);
              options.started?.(connection.engine);
              return connection.engine;
            },
          };
        },
      );
      worker.onmessage = ({ data }) => {
        connection.messages.push(data);
        connection.host.receive(data);
      };
      page.onmessage = ({ data }) => events.message(data);
      connections.push(connection);
      return {
        post: (message, transfer) => page.postMessage(message, transfer),
        release() {
          connection.released = true;
          connection.host.release();
          page.close();
          worker.close();
        },
      };
    },
  };
  // A name of its own: tests of one process hear each other.
  const name = `test ${(number += 1)}`;
  const channel = new Channel(
    connector,
    { options: { name, ...options.opening }, wasm: undefined, housekeeping: false },
    { cache: new PageCache(1 << 20, 300_000), ...options.channel },
  );
  await channel.open();
  return {
    hoard: new Hoard(channel, name),
    channel,
    connections,
    get engine() {
      return connections.at(-1)!.engine;
    },
    get messages() {
      return connections.at(-1)!.messages;
    },
  };
}
