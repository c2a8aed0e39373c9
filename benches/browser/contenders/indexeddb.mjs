// The few lines of promise around raw IndexedDB that both raw contenders share.

export function openDatabase(name, upgrade) {
  return new Promise((resolve, reject) => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => upgrade(request.result);
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}

/** Runs `work` in one transaction; resolves with what `work` returned, once the transaction completed. */
export function transact(db, stores, mode, work) {
  return new Promise((resolve, reject) => {
    const transaction = db.transaction(stores, mode, { durability: "relaxed" });
    const result = work(transaction);
    transaction.oncomplete = () => resolve(result);
    transaction.onabort = () => reject(transaction.error ?? new Error("aborted"));
    if (mode === "readwrite") transaction.commit();
  });
}

/** Every key that starts with `id`, in stores whose key is an array. */
export const under = (id) => IDBKeyRange.bound([id], [id, []]);
