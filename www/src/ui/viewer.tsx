// One picture at a time, over the whole window: arrows go through them, plus and minus zoom, dragging moves.

import { signal } from "@preact/signals";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { AttachmentRef } from "hoardb";
import { bytes, count } from "../format";
import { theHoard } from "../hoard";
import { useAddress } from "../timeline/pictures";
import { saveAs } from "./save";
import { Icon } from "./icon";

export interface Picture {
  source: AttachmentRef;
  /** Where it stands: `2:30`, `2:30 to 3:05, 8 frames`, or a file's name. */
  caption: string;
  fileName: string;
}

interface Shown {
  pictures: readonly Picture[];
  at: number;
}

export const shown = signal<Shown | null>(null);

const zoomStep = 1.25;
const zoomMost = 16;
/** One press of Shift and an arrow moves the picture by this many pixels. */
const panStep = 80;

const arrows: Record<string, { right: number; down: number }> = {
  ArrowLeft: { right: -1, down: 0 },
  ArrowRight: { right: 1, down: 0 },
  ArrowUp: { right: 0, down: -1 },
  ArrowDown: { right: 0, down: 1 },
};

interface View {
  /** Times the size at which it just fits. */
  zoom: number;
  x: number;
  y: number;
}

const fit: View = { zoom: 1, x: 0, y: 0 };

export function Viewer() {
  return shown.value ? <OpenViewer {...shown.value} /> : null;
}

function OpenViewer({ pictures, at }: Shown) {
  const element = useRef<HTMLDialogElement>(null);
  const [view, setView] = useState<View>(fit);
  const [drag, setDrag] = useState<{ x: number; y: number } | null>(null);
  const picture = pictures[at];
  const { url, error } = useAddress(picture?.source ?? null);

  // Before the next paint: until it is open, keys would go to what lies under it.
  useLayoutEffect(() => {
    const before = document.activeElement;
    element.current?.showModal();
    // Not to the first button: the keys are the viewer's own.
    element.current?.focus();
    return () => {
      element.current?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);

  if (!picture) return null;
  const close = () => {
    shown.value = null;
  };
  const show = (to: number) => {
    if (to < 0 || to >= pictures.length || to === at) return;
    shown.value = { pictures, at: to };
  };
  const zoomBy = (factor: number) =>
    setView((now) => {
      const zoom = Math.min(zoomMost, Math.max(1, now.zoom * factor));
      // What is in the middle stays there.
      return zoom === 1 ? fit : { zoom, x: (now.x * zoom) / now.zoom, y: (now.y * zoom) / now.zoom };
    });
  const panBy = (x: number, y: number) => setView((now) => (now.zoom === 1 ? now : { ...now, x: now.x + x, y: now.y + y }));

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const arrow = arrows[event.key];
    if (arrow) {
      const { right, down } = arrow;
      if (event.shiftKey) panBy(-right * panStep, -down * panStep);
      else show(at + right + down);
    } else if (event.key === "Home") show(0);
    else if (event.key === "End") show(pictures.length - 1);
    else if (event.key === "PageUp") show(Math.max(0, at - 10));
    else if (event.key === "PageDown") show(Math.min(pictures.length - 1, at + 10));
    else if (event.key === "+" || event.key === "=") zoomBy(zoomStep);
    else if (event.key === "-") zoomBy(1 / zoomStep);
    else if (event.key === "0") setView(fit);
    else return;
    event.preventDefault();
  };

  return (
    <dialog
      ref={element}
      class="viewer"
      tabIndex={-1}
      aria-label="Picture viewer"
      onCancel={(event) => {
        event.preventDefault();
        close();
      }}
      onKeyDown={onKeyDown}
    >
      <header class="viewer-head">
        <p class="viewer-place" role="status">
          <bdi>{picture.caption}</bdi>
          <span class="figure">
            {at + 1} of {pictures.length}
          </span>
        </p>
        <div class="viewer-tools">
          <button type="button" class="quiet icon-only" aria-label="Zoom out" title="Zoom out (−)" disabled={view.zoom === 1} onClick={() => zoomBy(1 / zoomStep)}>
            <Icon name="zoomOut" />
          </button>
          <output class="figure zoom" aria-label="Zoom">
            {Math.round(view.zoom * 100)} %
          </output>
          <button type="button" class="quiet icon-only" aria-label="Zoom in" title="Zoom in (+)" onClick={() => zoomBy(zoomStep)}>
            <Icon name="zoomIn" />
          </button>
          <button type="button" class="quiet icon-only" aria-label="Fit to window" title="Fit to window (0)" onClick={() => setView(fit)}>
            <Icon name="fit" />
          </button>
          <button
            type="button"
            class="quiet icon-only"
            aria-label="Save picture"
            title="Save picture"
            onClick={() => void saveAs(picture.source, picture.fileName)}
          >
            <Icon name="save" />
          </button>
          <button type="button" class="quiet icon-only" aria-label="Close" title="Close (Esc)" onClick={close}>
            <Icon name="close" />
          </button>
        </div>
      </header>
      <div
        class={drag ? "viewer-stage dragging" : view.zoom > 1 ? "viewer-stage zoomed" : "viewer-stage"}
        onWheel={(event) => {
          event.preventDefault();
          zoomBy(event.deltaY < 0 ? zoomStep : 1 / zoomStep);
        }}
        onDblClick={() => (view.zoom === 1 ? zoomBy(2.5) : setView(fit))}
        onPointerDown={(event) => {
          if (view.zoom === 1) return;
          event.currentTarget.setPointerCapture(event.pointerId);
          setDrag({ x: event.clientX, y: event.clientY });
        }}
        onPointerMove={(event) => {
          if (!drag) return;
          panBy(event.clientX - drag.x, event.clientY - drag.y);
          setDrag({ x: event.clientX, y: event.clientY });
        }}
        onPointerUp={() => setDrag(null)}
        onPointerCancel={() => setDrag(null)}
      >
        {error ? (
          <p class="viewer-problem">This picture cannot be read. Run Verify under Storage to see what is affected.</p>
        ) : (
          url && <img src={url} alt={picture.caption} draggable={false} style={{ transform: `translate(${view.x}px, ${view.y}px) scale(${view.zoom})` }} />
        )}
      </div>
      <button type="button" class="viewer-step previous" aria-label="Previous picture" disabled={at === 0} onClick={() => show(at - 1)}>
        <Icon name="previous" />
      </button>
      <button type="button" class="viewer-step next" aria-label="Next picture" disabled={at === pictures.length - 1} onClick={() => show(at + 1)}>
        <Icon name="next" />
      </button>
      <footer class="viewer-foot">
        <StoredOnce source={picture.source} />
      </footer>
    </dialog>
  );
}

/** How the picture is stored: this is where one sees that the same picture is kept once. */
function StoredOnce({ source }: { source: AttachmentRef }) {
  const [words, setWords] = useState("");
  useEffect(() => {
    let current = true;
    theHoard()
      .attachments.stat(source.hash)
      .then(
        ({ size, references }) => current && setWords(`${bytes(size)}, stored once, used in ${count(references, "place")}`),
        () => current && setWords(""),
      );
    return () => {
      current = false;
    };
  }, [source.hash]);
  return (
    <>
      <span>{words}</span>
      <code title="SHA-256 of the picture's bytes">{source.hash.slice(0, 16)}</code>
    </>
  );
}
