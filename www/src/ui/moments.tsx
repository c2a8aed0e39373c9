// What was heard, said, noted or dropped in during a section.

import { bytes, clock } from "../format";
import { reportError } from "../notices";
import type { ListItem } from "../schema";
import type { Place } from "../route";
import { isAt, type Moment } from "../timeline/moments";
import { useAddress } from "../timeline/pictures";
import type { Player } from "../timeline/player";
import { Icon } from "./icon";
import { saveAs } from "./save";
import { Sound } from "./sound";
import { shown } from "./viewer";

interface Props {
  moments: readonly Moment[];
  startedAt: number;
  player: Player;
  /** The one that the address names. */
  sought: Place | undefined;
}

export function Moments({ moments, startedAt, player, sought }: Props) {
  return (
    <ol class="moments">
      {moments.map((moment) => {
        const place = clock(moment.item.at - startedAt);
        return (
          <li
            key={`${moment.list} ${moment.index}`}
            class={`moment ${moment.list}`}
            {...(sought && isAt(moment, sought) && { "data-sought": true, "aria-current": "true", tabIndex: -1 })}
          >
            <span class="moment-place figure">{place}</span>
            <One moment={moment} place={place} player={player} />
          </li>
        );
      })}
    </ol>
  );
}

function One({ moment, place, player }: { moment: Moment; place: string; player: Player }) {
  switch (moment.list) {
    case "audio":
      return <Sound player={player} index={moment.index} segment={moment.item} place={place} />;
    case "notes":
      return <p class="moment-text">{moment.item.text}</p>;
    case "messages":
      return (
        <p class="moment-text">
          <strong>
            <bdi>{moment.item.from}</bdi>
          </strong>{" "}
          {moment.item.text}
        </p>
      );
    case "files":
      return <File item={moment.item} />;
  }
}

function File({ item }: { item: ListItem<"files"> }) {
  const isPicture = /^image\/(png|jpeg|webp|gif|avif|bmp)$/.test(item.type);
  const isSound = item.type.startsWith("audio/");
  const isVideo = item.type.startsWith("video/");
  return (
    <div class="file">
      <div class="file-head">
        <Icon name="file" />
        <bdi class="file-name">{item.name}</bdi>
        <span class="figure">{bytes(item.size)}</span>
        <button type="button" class="quiet icon-only" aria-label={`Save ${item.name}`} title="Save" onClick={() => void saveAs(item.file, item.name)}>
          <Icon name="save" />
        </button>
      </div>
      {isPicture && <FilePicture item={item} />}
      {(isSound || isVideo) && <FileMedia item={item} video={isVideo} />}
    </div>
  );
}

function FilePicture({ item }: { item: ListItem<"files"> }) {
  const { url, error } = useAddress(item.file);
  if (error) return <p class="hint">This picture cannot be read.</p>;
  const open = () => {
    shown.value = { pictures: [{ source: item.file, caption: item.name, fileName: item.name }], at: 0 };
  };
  return (
    <button type="button" class="file-picture" aria-label={`View ${item.name}`} onClick={open}>
      {url && <img src={url} alt="" />}
    </button>
  );
}

function FileMedia({ item, video }: { item: ListItem<"files">; video: boolean }) {
  const { url, error } = useAddress(item.file);
  if (error) return <p class="hint">This file cannot be read.</p>;
  if (!url) return null;
  const onError = () => reportError(new Error(`This browser cannot play ${item.type}. The file itself can be saved.`));
  return video ? (
    <video controls src={url} aria-label={item.name} onError={onError} />
  ) : (
    <audio controls src={url} aria-label={item.name} onError={onError} />
  );
}
