// A session's items in the order a person reads them. Pure functions; the loading is in load.ts.
//
// A timeline is cut into sections of equal time. A section shows its frames, with a run of identical ones as one, and
// beside them what was heard, said, noted or dropped in.

import type { Place } from "../route";
import type { ListItem, ListName } from "../schema";

/** An item with its place: `index` counts within its list. */
export type Placed<Name extends ListName = ListName> = Name extends ListName ? { list: Name; index: number; item: ListItem<Name> } : never;

/** Whether it is the item at this place. */
export function isAt({ list, index }: Placed, place: Place): boolean {
  return list === place.list && index === place.index;
}

/** Consecutive frames that show the same picture. */
export interface Run {
  /** Place of the first frame in its list. */
  index: number;
  frames: number;
  from: number;
  to: number;
  picture: ListItem<"screenshots">;
}

/** Everything that is not a frame. */
export type Moment = Placed<Exclude<ListName, "screenshots">>;

export interface Section {
  /** Start of the section, in ms since 1970. */
  at: number;
  runs: Run[];
  moments: Moment[];
  /** Raised whenever something is added, so that a view knows whether to draw again. */
  revision: number;
}

const lengthsMs = [10_000, 30_000, 60_000, 120_000, 300_000, 600_000, 1_800_000, 3_600_000] as const;
const sectionsWanted = 40;

/** How long a section of a session of this length is: short ones in tens of seconds, long ones in minutes. */
export function sectionLength(sessionMs: number): number {
  return lengthsMs.find((length) => sessionMs / length <= sectionsWanted) ?? Math.ceil(sessionMs / sectionsWanted / 3_600_000) * 3_600_000;
}

/** Sections of a session that grows: items are put in as they are read, list by list and in any order of lists. */
export class Sections {
  readonly #bySlot = new Map<number, Section>();
  #sorted: Section[] | null = null;

  constructor(
    readonly startedAt: number,
    readonly lengthMs: number,
  ) {}

  /** In the order of time. */
  all(): readonly Section[] {
    this.#sorted ??= [...this.#bySlot.entries()].sort(([a], [b]) => a - b).map(([, section]) => section);
    return this.#sorted;
  }

  /** Items of one list have to come in the list's order. */
  add(placed: Placed): void {
    const section = this.#sectionAt(placed.item.at);
    section.revision += 1;
    if (placed.list === "screenshots") addFrame(section.runs, placed.index, placed.item);
    else insert(section.moments, placed);
  }

  #sectionAt(at: number): Section {
    // A clock that was set back while recording must not put items before the start.
    const slot = Math.max(0, Math.floor((at - this.startedAt) / this.lengthMs));
    let section = this.#bySlot.get(slot);
    if (!section) {
      section = { at: this.startedAt + slot * this.lengthMs, runs: [], moments: [], revision: 0 };
      this.#bySlot.set(slot, section);
      this.#sorted = null;
    }
    return section;
  }
}

function addFrame(runs: Run[], index: number, frame: ListItem<"screenshots">): void {
  const last = runs.at(-1);
  if (last?.picture.image.hash === frame.image.hash) {
    last.frames += 1;
    last.to = frame.at;
  } else {
    runs.push({ index, frames: 1, from: frame.at, to: frame.at, picture: frame });
  }
}

/** Keeps `moments` ordered by time; almost always the new one belongs at the end. */
function insert(moments: Moment[], moment: Moment): void {
  let at = moments.length;
  while (at > 0 && (moments[at - 1]?.item.at ?? 0) > moment.item.at) at -= 1;
  moments.splice(at, 0, moment);
}
