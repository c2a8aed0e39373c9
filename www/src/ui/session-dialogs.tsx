// The dialogs that change a session: its description, and its deletion.

import { signal } from "@preact/signals";
import { useState } from "preact/hooks";
import { count } from "../format";
import { go, route } from "../route";
import { categories, type SessionMeta } from "../schema";
import { describe, remove } from "../sessions";
import { Dialog } from "./dialog";
import { TokenField } from "./token-field";

/** The session being described, and the one about to be deleted. */
export const editing = signal<SessionMeta | null>(null);
export const confirming = signal<SessionMeta | null>(null);

export function SessionDialogs() {
  return (
    <>
      {editing.value && <Edit key={editing.value.id} meta={editing.value} />}
      {confirming.value && <ConfirmDelete meta={confirming.value} />}
    </>
  );
}

function Edit({ meta }: { meta: SessionMeta }) {
  const [title, setTitle] = useState(meta.title);
  const [category, setCategory] = useState(meta.category);
  const [topics, setTopics] = useState<readonly string[]>(meta.topics);
  const [tags, setTags] = useState<readonly string[]>(meta.tags);
  const close = () => {
    editing.value = null;
  };
  const save = async (event: Event) => {
    event.preventDefault();
    const kept = await describe(meta.id, { title: title.trim(), category: category.trim(), topics: [...topics], tags: [...tags] });
    if (kept) close();
  };
  return (
    <Dialog title="Edit session" onClose={close}>
      <form onSubmit={(event) => void save(event)}>
        <div class="field">
          <label for="edit-title">Title</label>
          <input id="edit-title" autofocus value={title} maxLength={300} autocomplete="off" onInput={(event) => setTitle(event.currentTarget.value)} />
        </div>
        <div class="field">
          <label for="edit-category">Category</label>
          <input
            id="edit-category"
            list="edit-categories"
            value={category}
            maxLength={100}
            autocomplete="off"
            onInput={(event) => setCategory(event.currentTarget.value)}
          />
          <datalist id="edit-categories">
            {categories.map((name) => (
              <option key={name} value={name} />
            ))}
          </datalist>
        </div>
        <TokenField label="Topics" hint="Enter or a comma adds one." tokens={topics} onChange={setTopics} />
        <TokenField label="Tags" hint="Enter or a comma adds one." tokens={tags} onChange={setTags} />
        <div class="actions end">
          <button type="button" onClick={close}>
            Cancel
          </button>
          <button type="submit" class="primary">
            Save
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function ConfirmDelete({ meta }: { meta: SessionMeta }) {
  const [deleting, setDeleting] = useState(false);
  const close = () => {
    confirming.value = null;
  };
  const confirm = async () => {
    setDeleting(true);
    const gone = await remove(meta);
    close();
    const here = route.value;
    if (gone && here.page === "session" && here.id === meta.id) go({ page: "home" });
  };
  const { counts } = meta;
  const items = counts ? counts.screenshots + counts.audio + counts.notes : 0;
  return (
    <Dialog title="Delete this session?" onClose={close}>
      <p>
        <strong>
          <bdi>{meta.title || "Untitled"}</bdi>
        </strong>
        {items > 0 ? ` and its ${count(items, "item")}` : ""} will be gone. This cannot be undone.
      </p>
      <p class="hint">Pictures that other sessions show too are kept. The space of the others is freed when you collect, under Storage.</p>
      <div class="actions end">
        {/* This one has the focus: a stray Enter deletes nothing. */}
        <button type="button" autofocus onClick={close}>
          Keep it
        </button>
        <button type="button" class="danger solid" disabled={deleting} onClick={() => void confirm()}>
          Delete
        </button>
      </div>
    </Dialog>
  );
}
