// A field of several short words: Enter or a comma adds one, Backspace in the empty field takes the last one back.

import { useId, useState } from "preact/hooks";
import { Icon } from "./icon";

interface Props {
  label: string;
  hint: string;
  tokens: readonly string[];
  onChange(tokens: string[]): void;
}

export function TokenField({ label, hint, tokens, onChange }: Props) {
  const [text, setText] = useState("");
  const id = useId();
  const add = () => {
    const added = text
      .split(",")
      .map((word) => word.trim())
      .filter((word) => word !== "");
    if (added.length > 0) onChange([...new Set([...tokens, ...added])]);
    setText("");
  };
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <div class="tokens">
        {tokens.map((token) => (
          <span class="token" key={token}>
            <bdi>{token}</bdi>
            <button type="button" aria-label={`Remove ${token}`} onClick={() => onChange(tokens.filter((other) => other !== token))}>
              <Icon name="close" />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={text}
          aria-describedby={`${id}-hint`}
          autocomplete="off"
          onInput={(event) => setText(event.currentTarget.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.key === "," || (event.key === "Enter" && text.trim() !== "")) {
              event.preventDefault();
              add();
            } else if (event.key === "Backspace" && text === "" && tokens.length > 0) {
              onChange(tokens.slice(0, -1));
            }
          }}
        />
      </div>
      <p class="hint" id={`${id}-hint`}>
        {hint}
      </p>
    </div>
  );
}
