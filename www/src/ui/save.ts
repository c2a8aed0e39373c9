// Hands a stored attachment to the browser's downloads.

import type { AttachmentRef } from "hoardb";
import { reportError } from "../notices";

/** Long enough for the browser to have begun; a download that runs keeps its bytes. */
const addressKeptMs = 60_000;

/** The name is a suggestion: browsers take the path out of it. */
export async function saveAs(source: AttachmentRef, name: string): Promise<void> {
  try {
    // Never with the stored type: a stored page or drawing must be saved, not opened on this origin.
    const url = URL.createObjectURL(new Blob([await source.blob()], { type: "application/octet-stream" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), addressKeptMs);
  } catch (error) {
    reportError(error);
  }
}
