// Addresses of stored attachments for `img` and `audio` elements. Each is made once however often it is shown, and
// taken back when nothing shows it any more.

import { useEffect, useState } from "preact/hooks";
import type { AttachmentRef } from "hoardb";

interface Address {
  hash: string;
  url: Promise<string>;
  users: number;
}

/** Shown again soon after it went out of sight, an address need not be made anew. */
const keptUnusedMs = 10_000;

const addresses = new Map<string, Address>();

function take(source: AttachmentRef): Address {
  let address = addresses.get(source.hash);
  if (!address) {
    address = { hash: source.hash, url: source.blob().then((blob) => URL.createObjectURL(blob)), users: 0 };
    addresses.set(source.hash, address);
  }
  address.users += 1;
  return address;
}

function give(address: Address): void {
  address.users -= 1;
  setTimeout(() => {
    if (address.users > 0) return;
    forget(address);
    void address.url.then((url) => URL.revokeObjectURL(url)).catch(() => undefined);
  }, keptUnusedMs);
}

function forget(address: Address): void {
  if (addresses.get(address.hash) === address) addresses.delete(address.hash);
}

export interface Shown {
  url: string | null;
  error: unknown;
}

/** The address of `source` while the component is shown and has one. */
export function useAddress(source: Blob | AttachmentRef | null): Shown {
  const [shown, show] = useState<Shown>({ url: null, error: null });
  useEffect(() => {
    if (!source) return;
    if (source instanceof Blob) {
      const url = URL.createObjectURL(source);
      show({ url, error: null });
      return () => URL.revokeObjectURL(url);
    }
    let current = true;
    const address = take(source);
    address.url.then(
      (url) => current && show({ url, error: null }),
      (error: unknown) => {
        // A failed read is tried again by whoever asks next.
        forget(address);
        if (current) show({ url: null, error });
      },
    );
    return () => {
      current = false;
      give(address);
    };
  }, [source instanceof Blob ? source : source?.hash]);
  return shown;
}
