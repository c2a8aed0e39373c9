// The smallest honest use of the package. What happened ends up in an attribute, where the test waits for it: under the
// content security policy of this page a driver cannot poll with evaluated code.
import { openHoard } from "hoardb";

const bytesOf = (length) => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);

async function use(options) {
  const picture = bytesOf(70_000);
  const hoard = await openHoard(options);
  const session = await hoard.sessions.create({ title: "Packed", startedAt: new Date(86_400_000) });
  const shots = hoard.list(session.id, "screenshots");
  await shots.append({ note: "first", picture: new Blob([picture], { type: "image/png" }) });
  await hoard.close();

  const again = await openHoard(options);
  const meta = await again.sessions.get(session.id);
  const item = await again.list(session.id, "screenshots").get(0);
  const bytes = await item.picture.bytes();
  const { hits } = await again.search("packed");
  await again.close();
  return {
    title: meta.title,
    startedAt: meta.startedAt.getTime(),
    note: item.note,
    found: hits.map((hit) => hit.session.title),
    type: item.picture.type,
    same: bytes.length === picture.length && bytes.every((byte, i) => byte === picture[i]),
  };
}

const outcome = {};
for (const [name, options] of [
  ["in a worker", { name: "packed" }],
  ["on the page", { name: "packed-here", worker: false }],
]) {
  try {
    outcome[name] = await use(options);
  } catch (error) {
    outcome[name] = `${error.code ?? error.name}: ${error.message} ${error.cause ?? ""}`;
  }
}
document.documentElement.dataset.outcome = JSON.stringify(outcome);
