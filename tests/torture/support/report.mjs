// Counts what was checked, and writes down what was measured.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const top = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(process.env.CARGO_TARGET_DIR ?? join(top, "target"), "torture");

export class Report {
  #name;
  #passed = 0;
  #failed = 0;
  #results = {};
  #began = Date.now();

  constructor(name) {
    this.#name = name;
  }

  /** One test: it fails by what it throws. */
  async test(title, run) {
    const began = Date.now();
    try {
      const said = await run();
      this.#passed += 1;
      console.log(`ok      ${title}${said ? `: ${said}` : ""} (${Date.now() - began} ms)`);
      return true;
    } catch (error) {
      this.#failed += 1;
      console.log(`FAILED  ${title} (${Date.now() - began} ms)\n  ${String(error.inPage ? `${error.message}\n${error.inPage}` : (error.stack ?? error)).replaceAll("\n", "\n  ")}`);
      return false;
    }
  }

  /** Runs what makes tests of its own, once for each name. What it throws outside of them is a failed test. */
  async each(names, run) {
    for (const name of names) {
      try {
        await run(name);
      } catch (error) {
        await this.test(name, () => {
          throw error;
        });
      }
    }
  }

  /** Keeps a figure for the JSON result. */
  record(key, value) {
    this.#results[key] = value;
  }

  /** Writes the result, prints the closing line, sets the exit code. */
  end() {
    mkdirSync(folder, { recursive: true });
    const file = join(folder, `${this.#name}.json`);
    const { CI, ...parameters } = Object.fromEntries(["KILLS", "CUTS", "LEAVES", "MINUTES", "SEED", "CI"].flatMap((key) => (process.env[key] ? [[key, process.env[key]]] : [])));
    const result = { name: this.#name, at: new Date().toISOString(), seconds: Math.round((Date.now() - this.#began) / 1000), parameters, passed: this.#passed, failed: this.#failed, ...this.#results };
    writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
    console.log(`${file}\n${this.#passed} passed, ${this.#failed} failed`);
    process.exitCode = this.#failed === 0 ? 0 : 1;
  }
}
