// The examples of a guide, so that they are compiled and run: each block of TypeScript is a function of a hoard.
import { readFileSync } from "node:fs";

const blocksOf = (guide) =>
  Array.from(readFileSync(guide, "utf8").matchAll(/^```ts\n([\s\S]*?)^```$/gm), ([, code]) => code);

/** The source of a module with all of them, to be compiled. */
export function compiledExamples(guide) {
  const functions = blocksOf(guide).map((code, at) => {
    const parameters = code.includes("openHoard") ? "" : "hoard: Hoard, show = (...shown: unknown[]) => shown";
    const used = code.includes("openHoard") ? "void hoard;" : "void show;";
    return `export async function example${at}(${parameters}): Promise<void> {\n${code}${used}\n}\n`;
  });
  return `import { openHoard, type Hoard } from "hoardb";\nvoid openHoard;\n${functions.join("")}`;
}

/** The source of a module that exports `examples`: `{ title, run }` for each that opens no hoard of its own. */
export function examplesOf(guide) {
  const examples = blocksOf(guide)
    .filter((code) => !code.includes("openHoard"))
    .map((code) => `{ title: ${JSON.stringify(code.split("\n")[0])}, run: async (hoard, show) => {\n${code}} }`);
  return `export const examples = [${examples.join(",\n")}];`;
}
