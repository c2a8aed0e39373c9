/**
 * The engine's worker. Opens hoards for the page that made it; several can share it.
 *
 * A worker of your own becomes one by importing this file (`import "hoardb/engine-worker"`): pass it to `openHoard` as
 * `worker`. Messages that are not of this package are left alone.
 */
import { EngineHost } from "./engine-host.js";
import { loadEngine, onCrash } from "./engine-load.js";
import { isToEngine } from "./protocol.js";

const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  postMessage(message: unknown, transfer: Transferable[]): void;
};
const hosts = new Map<number, EngineHost>();

scope.addEventListener("message", ({ data }) => {
  if (!isToEngine(data)) return;
  let host = hosts.get(data.hoard);
  if (host === undefined) {
    host = new EngineHost(data.hoard, (message, transfer) => scope.postMessage(message, transfer), loadEngine);
    hosts.set(data.hoard, host);
  }
  host.receive(data);
});

onCrash((problem) => {
  for (const host of hosts.values()) host.crash(problem);
});
