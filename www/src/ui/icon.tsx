// The icons, drawn on a 16 by 16 grid with one stroke.

const paths = {
  record: "M8 3.2a4.8 4.8 0 1 0 0 9.6 4.8 4.8 0 0 0 0-9.6z",
  stop: "M4.5 4.5h7v7h-7z",
  pause: "M5.5 4v8M10.5 4v8",
  play: "M5 3.5l7 4.5-7 4.5z",
  screen: "M2 3h12v8H2zM6 13.5h4M8 11v2.5",
  microphone: "M8 2a2 2 0 0 0-2 2v4a2 2 0 1 0 4 0V4a2 2 0 0 0-2-2zM3.8 7.5a4.2 4.2 0 0 0 8.4 0M8 11.8V14",
  note: "M3 2.5h10v8l-3 3H3zM10 13.5v-3h3M5.5 5.5h5M5.5 8h3",
  file: "M4 2h5l3 3v9H4zM9 2v3h3",
  add: "M8 3v10M3 8h10",
  edit: "M3 13l.6-2.8L10.8 3l2.2 2.2-7.2 7.2L3 13zM9.5 4.3l2.2 2.2",
  delete: "M3 4.5h10M6.5 4.5V3h3v1.5M4.3 4.5l.6 8.5h6.2l.6-8.5M6.8 7v3.5M9.2 7v3.5",
  storage: "M2.5 4c0-1 2.5-1.7 5.5-1.7s5.5.7 5.5 1.7-2.5 1.7-5.5 1.7S2.5 5 2.5 4zM2.5 4v8c0 1 2.5 1.7 5.5 1.7s5.5-.7 5.5-1.7V4M2.5 8c0 1 2.5 1.7 5.5 1.7s5.5-.7 5.5-1.7",
  help: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.3 6.3c0-1 .8-1.6 1.7-1.6s1.7.6 1.7 1.5c0 1.2-1.7 1.4-1.7 2.6M8 11.2v.1",
  theme: "M8 2.2v1.6M8 12.2v1.6M2.2 8h1.6M12.2 8h1.6M3.9 3.9L5 5M11 11l1.1 1.1M3.9 12.1L5 11M11 5l1.1-1.1M8 5.4a2.6 2.6 0 1 0 0 5.2 2.6 2.6 0 0 0 0-5.2z",
  close: "M4 4l8 8M12 4l-8 8",
  previous: "M10 3L5 8l5 5",
  next: "M6 3l5 5-5 5",
  back: "M13 8H3.5M7.5 3.5L3 8l4.5 4.5",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14",
  zoomIn: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14M7 5v4M5 7h4",
  zoomOut: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM10.7 10.7L14 14M5 7h4",
  fit: "M2.5 6V2.5H6M10 2.5h3.5V6M13.5 10v3.5H10M6 13.5H2.5V10",
  save: "M8 2.5v7M5 7l3 3 3-3M3 13.5h10",
  warning: "M8 2.5l6 11H2zM8 6.5v3.2M8 11.6v.1",
  check: "M3 8.5l3.2 3.2L13 4.8",
} as const;

export type IconName = keyof typeof paths;

export function Icon({ name }: { name: IconName }) {
  const filled = name === "record" || name === "stop" || name === "play";
  return (
    <svg class={`icon${filled ? " filled" : ""}`} viewBox="0 0 16 16" aria-hidden="true" focusable="false">
      <path d={paths[name]} />
    </svg>
  );
}
