// Numbers, times and sizes as people read them. Pure: nothing here looks at the clock.

const units = ["B", "KB", "MB", "GB", "TB"] as const;

/** A size to three significant digits: `0 B`, `812 B`, `4.71 MB`. */
export function bytes(count: number): string {
  let value = count;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

const whole = new Intl.NumberFormat("en");

/** A whole number with its noun: `1 frame`, `1,204 frames`. */
export function count(number: number, one: string, many = `${one}s`): string {
  return `${whole.format(number)} ${number === 1 ? one : many}`;
}

export function integer(number: number): string {
  return whole.format(number);
}

/** A share of a whole in percent, never rounded up to a full 100. */
export function percent(part: number, total: number): string {
  if (total <= 0) return "0 %";
  const share = (part / total) * 100;
  return `${share > 99 && share < 100 ? 99 : Math.round(share)} %`;
}

/** A position on a recording: `0:07`, `12:30`, `1:02:03`. */
export function clock(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  const h = Math.floor(seconds / 3600);
  const m = Math.floor(seconds / 60) % 60;
  const s = String(seconds % 60).padStart(2, "0");
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${s}` : `${m}:${s}`;
}

/** A length of time in words short enough for a row: `40 s`, `12 min`, `1 h 4 min`. */
export function duration(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** An ISO 8601 duration, for the `datetime` attribute of a `time` element. */
export function isoDuration(ms: number): string {
  return `PT${Math.max(0, Math.round(ms / 1000))}S`;
}

const dayAndTime = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });
const full = new Intl.DateTimeFormat(undefined, { dateStyle: "full", timeStyle: "short" });

const inFull = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

/** Of a session among others of any year. */
export function dateAndTime(date: Date): string {
  return inFull.format(date);
}

/** A wait: `0.8 ms`, `12 ms`. */
export function milliseconds(ms: number): string {
  return `${ms < 9.95 ? ms.toFixed(1) : whole.format(Math.round(ms))} ms`;
}

export function shortDate(date: Date): string {
  return dayAndTime.format(date);
}

export function longDate(date: Date): string {
  return full.format(date);
}

/** The heading a session stands under in the list. */
export function dayHeading(date: Date, today: Date): string {
  const midnight = (d: Date) => new Date(d.getFullYear(), d.getMonth(), d.getDate()).getTime();
  const days = Math.round((midnight(today) - midnight(date)) / 86_400_000);
  if (days === 0) return "Today";
  if (days === 1) return "Yesterday";
  return date.toLocaleDateString(undefined, {
    weekday: days < 7 && days > 0 ? "long" : undefined,
    day: "numeric",
    month: "long",
    year: date.getFullYear() === today.getFullYear() ? undefined : "numeric",
  });
}
