// One session that was found: what it is, and where the words stand in it. The link leads to the item that fits best.

import type { Snippet } from "hoardb";
import { dateAndTime, duration, integer } from "../format";
import { address, type Place } from "../route";
import { listNames } from "../schema";
import { opened, type Hit as Found } from "../search/search";
import { Marked } from "./marked";
import { Poster } from "./session-list";

const itemNames: Record<string, string> = { notes: "Note", messages: "Message", files: "File" };

export function Hit({ hit }: { hit: Found }) {
  const { id, session, at, snippets } = hit;
  const list = listNames.find((name) => name === at?.list);
  const item: Place | undefined = at && list && { list, index: at.index };
  const length = session?.endedAt ? session.endedAt.getTime() - session.startedAt.getTime() : 0;
  return (
    <li class="hit">
      {session && <Poster meta={session} />}
      <div class="hit-words">
        <h2>
          <a data-hit={id} href={address({ page: "session", id, item })} onClick={() => (opened.value = id)}>
            <Title title={session?.title || "Untitled"} snippet={snippets.find(({ field }) => field === "title")} />
          </a>
        </h2>
        {session && (
          <p class="session-facts">
            <time dateTime={session.startedAt.toISOString()}>{dateAndTime(session.startedAt)}</time>
            {length > 0 && <span>{duration(length)}</span>}
            {session.status !== "done" && <span class={`status ${session.status}`}>{session.status === "recording" ? "Recording" : "Interrupted"}</span>}
            {session.category && (
              <span class="chip category">
                <bdi>{session.category}</bdi>
              </span>
            )}
            {session.tags.map((tag) => (
              <span class="chip tag" key={tag}>
                <bdi>{tag}</bdi>
              </span>
            ))}
          </p>
        )}
        {snippets
          .filter(({ field }) => field !== "title")
          .map((snippet) => (
            <p class="snippet" key={snippet.field}>
              <span class="snippet-place">{placeOf(snippet)}</span>{" "}
              <bdi>
                <Marked text={snippet.text} ranges={snippet.highlights} />
              </bdi>
            </p>
          ))}
      </div>
    </li>
  );
}

/** The title, marked where the snippet is: of a long one that is a stretch. */
function Title({ title, snippet }: { title: string; snippet: Snippet | undefined }) {
  const from = snippet ? title.indexOf(snippet.text) : -1;
  const ranges = from < 0 ? [] : (snippet?.highlights ?? []).map(([start, end]) => [from + start, from + end] as const);
  return (
    <bdi>
      <Marked text={title} ranges={ranges} />
    </bdi>
  );
}

/** `Note 12`, `Message 3, from`, `Details`. */
function placeOf({ field, at }: Snippet): string {
  if (!at) return "Details";
  const name = `${itemNames[at.list] ?? at.list} ${integer(at.index + 1)}`;
  return field === "messages.from" ? `${name}, from` : name;
}
