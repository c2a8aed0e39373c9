/** Sessions that go into one transaction or one message. */
export const BATCH_SESSIONS = 50;

export function* batches(all, size = BATCH_SESSIONS) {
  for (let at = 0; at < all.length; at += size) yield all.slice(at, at + size);
}
