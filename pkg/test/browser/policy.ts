// Pages whose policy forbids what the package needs: it says so, and says what to allow.
import { assert } from "chai";
import { openHoard } from "hoardb";
import { WORKER, fails, freshName } from "./support.js";

const policy = new URLSearchParams(location.search).get("policy");

describe(`a policy with ${policy}`, () => {
  it("is reported with what to allow", async () => {
    const error = await fails("Unavailable", () => openHoard({ name: freshName(), worker: WORKER }));
    assert.include(error.message, policy === "no-worker" ? "worker-src 'self'" : "wasm-unsafe-eval");
  });
});

mocha.run();
