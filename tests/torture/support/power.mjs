// Loss of power, as far as it can be played: the browser is killed, and each of its database files is cut to what it had made
// sure of (support/syncs.c). A real disk may keep more, in any order; what is never synced it need not keep at all.
import { execFileSync } from "node:child_process";
import { existsSync, lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** Files that hold nothing to lose: locks, logs for people, SQLite's index of a log, which it makes anew. */
const WITHOUT_DATA = /^(LOCK|LOG|LOG\.old)$|-shm$/;

export class Power {
  #folder = mkdtempSync(join(tmpdir(), "hoardb-power-"));
  #records = join(this.#folder, "syncs");
  #library = join(this.#folder, "syncs.so");

  constructor() {
    const source = fileURLToPath(new URL("syncs.c", import.meta.url));
    execFileSync("cc", ["-O1", "-Wall", "-Wextra", "-shared", "-fPIC", "-o", this.#library, source], { stdio: ["ignore", "inherit", "inherit"] });
    writeFileSync(this.#records, "");
  }

  /** What a browser has to be started with. */
  get environment() {
    return { LD_PRELOAD: this.#library, SYNCS: this.#records };
  }

  /** How many syncs there were since the last cut. */
  get syncs() {
    return readFileSync(this.#records, "utf8").split("\n").filter((line) => line.startsWith("sync ")).length;
  }

  /** Cuts the files in a folder of a browser that was killed. Returns what was cut, and starts to record anew. */
  cut(storage) {
    const sure = new Map();
    for (const line of readFileSync(this.#records, "utf8").trim().split("\n")) {
      const [what, device, inode, size] = line.split(" ");
      const file = `${device} ${inode}`;
      if (what === "sync") sure.set(file, Number(size));
      if (what === "gone") sure.delete(file);
    }
    const cuts = [];
    let records = "";
    for (const path of filesIn(storage)) {
      const { dev, ino, size } = lstatSync(path);
      const kept = Math.min(size, sure.get(`${dev} ${ino}`) ?? 0);
      if (kept < size && !WITHOUT_DATA.test(basename(path))) {
        truncateSync(path, kept);
        cuts.push({ file: path.slice(storage.length + 1), from: size, to: kept });
      }
      // What survived this one is on the disk.
      records += `sync ${dev} ${ino} ${lstatSync(path).size} ${path}\n`;
    }
    writeFileSync(this.#records, records);
    return cuts;
  }

  remove() {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function filesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesIn(path) : entry.isFile() ? [path] : [];
  });
}
