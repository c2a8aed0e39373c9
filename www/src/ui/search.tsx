// The search: a field, what was found at every key, and what narrows it.

import { useEffect, useRef, useState } from "preact/hooks";
import { explain } from "../errors";
import { count, integer, milliseconds } from "../format";
import { roomy } from "../narrow";
import { amend, go, settle } from "../route";
import { facetFields, filters, orders, textMax, toggled, toParameters, unfiltered, type Asked, type FacetField, type Order } from "../search/asked";
import { failure, follow, found, hitsMax, opened, search, showMore, type Found } from "../search/search";
import { sessions } from "../sessions";
import { Hit } from "./hit";
import { Icon } from "./icon";
import { Marked } from "./marked";

const facetNames: Record<FacetField, string> = { category: "Category", topics: "Topics", tags: "Tags", status: "Status" };
const orderNames: Record<Order, string> = { relevance: "Best first", newest: "Newest first", oldest: "Oldest first" };
const statusNames: Record<string, string> = { recording: "Recording", done: "Done", interrupted: "Interrupted" };

/** What was found is read out once nobody has typed for so long. */
const saidAfterMs = 800;

/** The field, with what is in it selected. */
export function focusSearchField(): void {
  const field = document.getElementById("search");
  if (field instanceof HTMLInputElement) {
    field.focus();
    field.select();
  }
}

export function Search({ asked }: { asked: Asked }) {
  const page = useRef<HTMLElement>(null);
  useEffect(follow, []);
  useEffect(() => void search(asked), [toParameters(asked)]);
  useEffect(() => {
    // Back from a session: to the hit that led there.
    const hit = page.current?.querySelector<HTMLElement>(`[data-hit="${CSS.escape(opened.peek() ?? "")}"]`);
    opened.value = null;
    if (hit) hit.focus();
    else focusSearchField();
  }, []);

  const now = found.value;
  const change = (to: Asked) => go({ page: "search", asked: to });
  // What is pressed goes away with what it clears.
  const clear = (to: Asked) => {
    focusSearchField();
    change(to);
  };
  const amendTo = (to: Asked) => amend({ page: "search", asked: to });
  const toFirstHit = () => page.current?.querySelector<HTMLElement>(".hit a")?.focus();

  return (
    <section class="page search" ref={page} onFocusOut={settle}>
      <h1>Search</h1>
      <form
        role="search"
        class="field"
        onSubmit={(event) => {
          event.preventDefault();
          settle();
          toFirstHit();
        }}
      >
        <label for="search">Search titles, notes, messages and file names</label>
        <input
          id="search"
          type="search"
          value={asked.text}
          maxLength={textMax}
          autocomplete="off"
          autocapitalize="off"
          spellcheck={false}
          enterkeyhint="search"
          aria-describedby="search-note"
          onInput={(event) => amendTo({ ...asked, text: event.currentTarget.value })}
          onKeyDown={(event) => {
            if (event.isComposing) return;
            // Leaving the field is not emptying it.
            if (event.key === "Escape") event.preventDefault();
            if (event.key !== "ArrowDown") return;
            event.preventDefault();
            toFirstHit();
          }}
        />
        <Note found={now} />
      </form>
      <Filters
        asked={asked}
        found={now}
        onToggle={(field, value) => change(toggled(asked, field, value))}
        onDays={(days) => amendTo({ ...asked, ...days })}
        onClear={() => clear(unfiltered(asked))}
      />
      <div class="search-results">
        <div class="search-bar">
          <Figures found={now} />
          <label class="inline">
            <span class="visually-hidden">Order</span>
            <select value={asked.order} onChange={(event) => change({ ...asked, order: event.currentTarget.value as Order })}>
              {orders.map((order) => (
                <option key={order} value={order}>
                  {orderNames[order]}
                </option>
              ))}
            </select>
          </label>
        </div>
        <Results found={now} onClear={clear} />
      </div>
      <Said found={now} />
    </section>
  );
}

/** Under the field: what could not be read in the query, or else what one can type. One of them is always there. */
function Note({ found }: { found: Found | null }) {
  if (!found || found.problems.length === 0) {
    return (
      <p class="hint search-note" id="search-note">
        <code>"exact words"</code> <code>-without</code> <code>begin*</code> <code>near~</code> <code>tag:ui</code> <code>after:2026-01-31</code> <code>this OR that</code>
      </p>
    );
  }
  const { asked, problems } = found;
  const places = problems.map(({ at, length }) => [at, at + length] as const).sort(([a], [b]) => a - b);
  return (
    <p class="search-note problem" id="search-note">
      <code>
        <Marked text={asked.text} ranges={places} as="u" />
      </code>{" "}
      {problems[0]?.message}
      {problems.length > 1 && ` (and ${count(problems.length - 1, "more", "more")})`}
    </p>
  );
}

function Figures({ found }: { found: Found | null }) {
  if (!found) return <p class="figure search-figures">Searching…</p>;
  return (
    <p class="figure search-figures">
      <strong data-fact="found">{count(found.total, "session")}</strong> <span class="search-took">in {milliseconds(found.tookMs)}</span>
      {found.cut && <span> Many words begin so; the closest were taken.</span>}
      {found.incomplete && <span class="search-building"> The index is being built; there may be more.</span>}
    </p>
  );
}

/** The same for screen readers, when it has come to rest. */
function Said({ found }: { found: Found | null }) {
  const [said, say] = useState("");
  const words = found
    ? [`${count(found.total, "session")} found.`, found.incomplete ? "The index is being built." : "", ...found.problems.map(({ message }) => message)].join(" ").trim()
    : "";
  useEffect(() => {
    const timer = setTimeout(() => say(words), saidAfterMs);
    return () => clearTimeout(timer);
  }, [words]);
  return (
    <p class="visually-hidden" role="status">
      {said}
    </p>
  );
}

interface FiltersProps {
  asked: Asked;
  found: Found | null;
  onToggle(field: FacetField, value: string): void;
  onDays(days: Partial<Pick<Asked, "from" | "to">>): void;
  onClear(): void;
}

/** Beside what was found where there is room; folded above it where there is not. */
function Filters({ asked, found, onToggle, onDays, onClear }: FiltersProps) {
  const active = filters(asked);
  return (
    <details class="filters" open={roomy.value}>
      <summary>
        Filters{active > 0 && <span class="figure">{integer(active)}</span>}
      </summary>
      <div class="filter-groups">
        <div class="facet days" role="group" aria-label="Date">
          <h2>Date</h2>
          <label>
            From
            <input type="date" value={asked.from} onInput={(event) => onDays({ from: event.currentTarget.value })} />
          </label>
          <label>
            To
            <input type="date" value={asked.to} onInput={(event) => onDays({ to: event.currentTarget.value })} />
          </label>
        </div>
        {facetFields.map((field) => (
          <Facet key={field} field={field} found={found} chosen={asked.chosen[field]} onToggle={(value) => onToggle(field, value)} />
        ))}
        {active > 0 && (
          <button type="button" class="small" onClick={onClear}>
            Clear filters
          </button>
        )}
      </div>
    </details>
  );
}

interface FacetProps {
  field: FacetField;
  found: Found | null;
  chosen: readonly string[];
  onToggle(value: string): void;
}

function Facet({ field, found, chosen, onToggle }: FacetProps) {
  const facet = found?.facets[field];
  const counted = (facet?.values ?? []).filter(({ value }) => value !== "");
  // What was chosen can be taken back, even where nothing has it.
  const missing = chosen.filter((value) => !counted.some((one) => one.value === value)).map((value) => ({ value, count: 0 }));
  const values = [...counted, ...missing];
  if (values.length === 0) return null;
  return (
    <div class="facet" role="group" aria-label={facetNames[field]}>
      <h2>{facetNames[field]}</h2>
      <ul>
        {values.map(({ value, count }) => (
          <li key={value}>
            <button type="button" class="facet-value" aria-pressed={chosen.includes(value)} onClick={() => onToggle(value)}>
              <bdi>{field === "status" ? (statusNames[value] ?? value) : value}</bdi> <span class="figure">{integer(count)}</span>
            </button>
          </li>
        ))}
      </ul>
      {facet !== undefined && facet.others > 0 && <p class="hint">{count(facet.others, "more value")}</p>}
    </div>
  );
}

function Results({ found, onClear }: { found: Found | null; onClear(to: Asked): void }) {
  const list = useRef<HTMLOListElement>(null);
  const problem = failure.value;
  const more = async () => {
    const before = found?.hits.length ?? 0;
    await showMore();
    // The button may be gone: on to what it brought.
    requestAnimationFrame(() => list.current?.querySelectorAll<HTMLElement>(".hit a")[before]?.focus());
  };
  if (problem) {
    const { title, advice } = explain(problem);
    return (
      <div class="gap" role="alert">
        <Icon name="warning" />
        <p>
          <strong>{title}</strong> {advice}
        </p>
      </div>
    );
  }
  if (!found) return null;
  const { hits, total } = found;
  if (hits.length === 0) return <NothingFound asked={found.asked} onClear={onClear} />;
  return (
    <>
      <ol class="hits" aria-label="What was found" ref={list}>
        {hits.map((hit) => (
          <Hit key={hit.id} hit={hit} />
        ))}
      </ol>
      {total > hits.length && hits.length < hitsMax && (
        <button type="button" class="more" onClick={() => void more()}>
          Show more <span class="figure">{count(total - hits.length, "session")} left</span>
        </button>
      )}
      {total > hitsMax && hits.length >= hitsMax && <p class="empty">The first {integer(hitsMax)} are shown. Add a word or a filter to see others.</p>}
    </>
  );
}

function NothingFound({ asked, onClear }: { asked: Asked; onClear(to: Asked): void }) {
  const typed = asked.text.trim() !== "";
  const filtered = filters(asked) > 0;
  if (!typed && !filtered) {
    return <p class="empty">{sessions.value.length === 0 ? "Nothing recorded yet. What you record, note down or drop in can be found here." : "Type a word to search for."}</p>;
  }
  return (
    <div class="nothing-found">
      <p>
        <strong>Nothing found.</strong>{" "}
        {asked.from !== "" && asked.to !== "" && asked.from > asked.to
          ? "The first day is after the last one."
          : typed
            ? "Try fewer words, the beginning of one, or word~ for one that is spelt nearly so."
            : "No session has all of these."}
      </p>
      <div class="actions">
        {filtered && (
          <button type="button" onClick={() => onClear(unfiltered(asked))}>
            Clear filters
          </button>
        )}
        {typed && (
          <button type="button" onClick={() => onClear({ ...asked, text: "" })}>
            Clear the words
          </button>
        )}
      </div>
    </div>
  );
}
