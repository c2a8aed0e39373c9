/**
 * The engine in the calling context, for `worker: false`. A file of its own, so that a page whose engine is in a worker
 * loads none of it.
 */
import type { Port, PortEvents } from "./channel.js";
import { EngineHost } from "./engine-host.js";
import { loadEngine, onCrash } from "./engine-load.js";

const hosts = new Set<EngineHost>();
let listening = false;

/** Connects to an engine right here. Messages are handed over as they are. */
export function connectLocally(hoard: number, events: PortEvents): Port {
  if (!listening) {
    listening = true;
    onCrash((problem) => {
      for (const host of hosts) host.crash(problem);
    });
  }
  const host = new EngineHost(hoard, (message) => events.message(message), loadEngine);
  hosts.add(host);
  return {
    post: (message) => host.receive(message),
    release() {
      hosts.delete(host);
      host.release();
    },
  };
}
