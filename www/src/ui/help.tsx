import { helpShown, localKeys, setShortcuts, shortcuts, shortcutsOn } from "../shortcuts";
import { Dialog } from "./dialog";

export function Help() {
  if (!helpShown.value) return null;
  return (
    <Dialog title="Keyboard" onClose={() => (helpShown.value = false)} wide>
      <div class="help-columns">
        <Keys title="Anywhere" keys={shortcuts} />
        <Keys title="In place" keys={localKeys} />
      </div>
      <label class="inline">
        <input type="checkbox" autofocus checked={shortcutsOn.value} onChange={(event) => setShortcuts(event.currentTarget.checked)} /> Single keys work anywhere
      </label>
    </Dialog>
  );
}

function Keys({ title, keys }: { title: string; keys: readonly { shown: string; does: string }[] }) {
  return (
    <section>
      <h3>{title}</h3>
      <dl class="keys">
        {keys.map(({ shown, does }) => (
          <div key={does}>
            <dt>
              <kbd>{shown}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
