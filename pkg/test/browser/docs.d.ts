// What test/docs.mjs makes of a guide.
declare module "docs:*" {
  import type { Hoard } from "hoardb";

  export const examples: { title: string; run(hoard: Hoard, show: (shown: unknown) => void): Promise<void> }[];
}
