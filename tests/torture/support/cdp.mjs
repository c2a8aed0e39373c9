// The DevTools protocol through a Chromium's own pipe (--remote-debugging-pipe): what no page can do to itself.

export class DevTools {
  #out;
  #ids = 0;
  #waiting = new Map();
  #sessions = new Map();

  /** @param child A Chromium started with file descriptors 3 and 4 as pipes. */
  constructor(child) {
    this.#out = child.stdio[3];
    this.#out.on("error", () => {});
    let rest = "";
    child.stdio[4].setEncoding("utf8").on("data", (text) => {
      const messages = (rest + text).split("\0");
      rest = messages.pop();
      for (const message of messages) this.#receive(JSON.parse(message));
    });
    child.once("exit", () => {
      for (const { reject } of this.#waiting.values()) reject(new Error("the browser is gone"));
      this.#waiting.clear();
    });
  }

  #receive({ id, result, error }) {
    const waiting = this.#waiting.get(id);
    if (!waiting) return;
    this.#waiting.delete(id);
    if (error) waiting.reject(new Error(`${waiting.method}: ${error.message}`));
    else waiting.resolve(result);
  }

  send(method, params = {}, sessionId = undefined) {
    const id = (this.#ids += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, method });
      this.#out.write(`${JSON.stringify({ id, method, params, sessionId })}\0`);
    });
  }

  /** A command to one tab. */
  async toTab(targetId, method, params = {}) {
    if (!this.#sessions.has(targetId)) {
      const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true });
      this.#sessions.set(targetId, sessionId);
    }
    return this.send(method, params, this.#sessions.get(targetId));
  }

  /** The id of the tab at an address. */
  async tab(address) {
    const { targetInfos } = await this.send("Target.getTargets");
    const found = targetInfos.find(({ type, url }) => type === "page" && url === address);
    if (!found) throw new Error(`no tab is at ${address}`);
    return found.targetId;
  }

  /** Opens a tab. */
  async open(url) {
    const { targetId } = await this.send("Target.createTarget", { url });
    return targetId;
  }

  /** Closes a tab as its user does. */
  close(targetId) {
    this.#sessions.delete(targetId);
    return this.send("Target.closeTarget", { targetId });
  }
}
