// Which tabs have this page open: each holds a lock of its own for as long as it lives.

const prefix = "hoardb-recorder/tab/";

/** To be called once: this tab is there from now on. */
export function announceTab(): void {
  if (!navigator.locks) return;
  void navigator.locks.request(prefix + crypto.randomUUID(), () => new Promise<never>(() => {}));
}

/** How many other tabs there are; null where the browser has no locks. */
export async function otherTabs(): Promise<number | null> {
  if (!navigator.locks) return null;
  const { held = [] } = await navigator.locks.query();
  return Math.max(0, held.filter(({ name }) => name?.startsWith(prefix)).length - 1);
}
