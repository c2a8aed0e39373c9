/**
 * The engine's worker. Opens hoards for the page that made it; several can share it.
 *
 * A worker of your own becomes one by importing this file (`import "hoardb/engine-worker"`): pass it to `openHoard` as
 * `worker`. Messages that are not of this package are left alone.
 */
import { EngineHost, type Send } from "./engine-host.js";
import { loadEngine, onCrash } from "./engine-load.js";
import { isToEngine } from "./protocol.js";

const scope = globalThis as unknown as {
  addEventListener(type: "message", listener: (event: MessageEvent<unknown>) => void): void;
  postMessage(message: unknown, transfer: Transferable[]): void;
};
const hosts = new Map<number, EngineHost>();

const send: Send = (message, transfer) => scope.postMessage(message, transfer);

scope.addEventListener("message", ({ data }) => {
  if (!isToEngine(data)) return;
  const { hoard } = data;
  let host = hosts.get(hoard);
  if (host === undefined) {
    host = new EngineHost(hoard, send, loadEngine, () => hosts.delete(hoard));
    hosts.set(hoard, host);
  }
  host.receive(data);
});

onCrash((problem) => {
  for (const host of hosts.values()) host.crash(problem);
});
