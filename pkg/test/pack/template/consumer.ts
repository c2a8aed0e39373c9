// What a TypeScript project sees of the package, with nothing skipped in its declarations.
import { HoardError, openHoard } from "hoardb";

export async function titles(): Promise<string[]> {
  const found: string[] = [];
  try {
    const hoard = await openHoard({ name: "typed" });
    for await (const session of hoard.sessions.list({ orderBy: "startedAt", limit: 10 })) found.push(String(session["title"]));
    const { hits } = await hoard.search({ text: "login", where: { tags: ["ui"], not: { status: "draft" } }, orderBy: "startedAt" });
    for (const { session, at } of hits) found.push(`${String(session?.["title"])} ${at?.list ?? ""}`);
    await hoard.close();
  } catch (error) {
    if (!(error instanceof HoardError)) throw error;
    const code: string = error.code;
    found.push(code);
  }
  return found;
}
