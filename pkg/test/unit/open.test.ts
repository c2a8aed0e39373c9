// Where there is no browser, the package can be imported, and says so when it is used.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as hoardb from "../../src/index.js";

test("importing it on a server does nothing, and opening fails with what to know", async () => {
  assert.deepEqual(Object.keys(hoardb).sort(), ["AttachmentRef", "HoardError", "deleteHoard", "openHoard"]);
  assert.equal(typeof Worker, "undefined", "this is no browser");
  await assert.rejects(hoardb.openHoard({ name: "x" }), { code: "Unavailable", message: /server/ });
  await assert.rejects(hoardb.openHoard({ name: "x", worker: false }), { code: "Unavailable", message: /IndexedDB/ });
  await assert.rejects(hoardb.deleteHoard("x"), { code: "Unavailable", message: /IndexedDB/ });
});

test("arguments are checked before anything is started", async () => {
  await assert.rejects(hoardb.openHoard({ name: "" }), { code: "InvalidId" });
  for (const wrong of [
    { worker: 5 },
    { cache: 5 },
    { cache: { bytes: -1 } },
    { cache: { ttlMs: "x" } },
    { queue: { bytes: 0 } },
    { queue: { writes: 1.5 } },
    { loss: "ignore" },
    { housekeeping: 1 },
  ]) {
    await assert.rejects(hoardb.openHoard({ name: "x", ...(wrong as object) }), { code: "InvalidArgument" });
  }
  await assert.rejects(hoardb.deleteHoard(""), { code: "InvalidId" });
});
