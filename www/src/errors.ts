// What went wrong, in words that say what to do about it.

import { HoardError } from "hoardb";

export interface Explanation {
  title: string;
  advice: string;
}

const advice: Record<string, Explanation> = {
  StorageFull: {
    title: "The browser has no space left for this page.",
    advice: "Everything recorded so far is kept. Delete sessions you no longer need, then free their space under Storage.",
  },
  ConnectionLost: {
    title: "The browser lost its connection to the storage.",
    advice: "Reload the page. What was stored before is kept.",
  },
  EngineCrashed: {
    title: "The storage engine stopped.",
    advice: "Reload the page. What was stored before is kept.",
  },
  Blocked: {
    title: "Another tab keeps the storage open in an older version.",
    advice: "Close the other tabs of this page, then reload this one.",
  },
  NewerVersion: {
    title: "These recordings were written by a newer version of this page.",
    advice: "Reload to get the newer version. Nothing was changed.",
  },
  Unavailable: {
    title: "This browser does not let the page store anything.",
    advice: "Leave private browsing, or allow site data for this page, then reload.",
  },
  Closed: {
    title: "The storage was closed, perhaps by another tab.",
    advice: "Reload the page.",
  },
  Corrupt: {
    title: "A stored record is damaged.",
    advice: "Everything else is still readable. Run Verify under Storage to see what is affected.",
  },
  Missing: {
    title: "A stored record is missing.",
    advice: "Everything else is still readable. Run Verify under Storage to see what is affected.",
  },
  DataLoss: {
    title: "The recordings are gone.",
    advice: "The browser or somebody at it deleted this page's data. If you restore the browser's profile from a backup, try again; otherwise start with nothing.",
  },
  QueueFull: {
    title: "More is being recorded than can be stored.",
    advice: "Wait a moment, or record fewer pictures a second.",
  },
  NotFound: {
    title: "It is not stored here any more.",
    advice: "It may have been deleted in another tab.",
  },
  TooLarge: {
    title: "That is larger than one record may be.",
    advice: "Try a smaller one.",
  },
};

/** The code of a storage error, or undefined for anything else that was thrown. */
export function codeOf(error: unknown): string | undefined {
  return error instanceof HoardError ? error.code : undefined;
}

export function explain(error: unknown): Explanation {
  const known = advice[codeOf(error) ?? ""];
  if (known) return known;
  const words = error instanceof Error ? error.message : String(error);
  return { title: "That did not work.", advice: words };
}

/** Why a capture could not start; `what` is "screen" or "microphone". */
export function explainCapture(error: unknown, what: "screen" | "microphone"): Explanation {
  const name = error instanceof DOMException ? error.name : "";
  const other = what === "screen" ? "the microphone and notes" : "the screen and notes";
  const off = `Or turn ${what === "screen" ? "Screen" : "Microphone"} off to record ${other} only.`;
  switch (name) {
    case "NotAllowedError":
      return {
        title: what === "screen" ? "The screen was not shared." : "The microphone was not allowed.",
        advice:
          what === "screen"
            ? `Start again and choose a tab, a window or a screen. ${off}`
            : `Allow the microphone for this page in the address bar, then start again. ${off}`,
      };
    case "NotFoundError":
      return {
        title: what === "screen" ? "There is nothing to capture." : "There is no microphone.",
        advice: `${what === "screen" ? "Open the window you want to record" : "Connect one"}, then start again. ${off}`,
      };
    case "NotReadableError":
      return {
        title: what === "screen" ? "The system does not give out the screen." : "The microphone is in use or blocked by the system.",
        advice: `Check the system's privacy settings for this browser, then start again. ${off}`,
      };
    default: {
      const words = error instanceof Error ? error.message : String(error);
      return { title: `The ${what} could not be captured.`, advice: `${words} ${off}` };
    }
  }
}
