// Files dropped anywhere on the page: into the session shown or being recorded, else into a new one.

import { useEffect, useState } from "preact/hooks";
import { current } from "../record/recording";
import { go, route } from "../route";
import { addFiles } from "../sessions";
import { Icon } from "./icon";

export function DropZone() {
  const [over, setOver] = useState(false);
  const here = route.value;
  const into = here.page === "session" ? here.id : (current.value?.id ?? null);

  useEffect(() => {
    // Entering and leaving is reported for every element on the way.
    let depth = 0;
    const holdsFiles = (event: DragEvent) => event.dataTransfer?.types.includes("Files") ?? false;
    const onEnter = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth += 1;
      setOver(true);
    };
    const onLeave = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      depth -= 1;
      if (depth === 0) setOver(false);
    };
    const onOver = (event: DragEvent) => {
      if (holdsFiles(event)) event.preventDefault();
    };
    const onDrop = (event: DragEvent) => {
      if (!holdsFiles(event)) return;
      event.preventDefault();
      depth = 0;
      setOver(false);
      void addFiles([...(event.dataTransfer?.files ?? [])], into).then((id) => {
        if (id && !into) go({ page: "session", id });
      });
    };
    addEventListener("dragenter", onEnter);
    addEventListener("dragleave", onLeave);
    addEventListener("dragover", onOver);
    addEventListener("drop", onDrop);
    return () => {
      removeEventListener("dragenter", onEnter);
      removeEventListener("dragleave", onLeave);
      removeEventListener("dragover", onOver);
      removeEventListener("drop", onDrop);
    };
  }, [into]);

  if (!over) return null;
  return (
    <div class="drop-zone" aria-hidden="true">
      <div>
        <Icon name="file" />
        {into ? "Drop to add to this session" : "Drop to make a new session of them"}
      </div>
    </div>
  );
}
