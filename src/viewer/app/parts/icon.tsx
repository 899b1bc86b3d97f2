/** Icons of 16 by 16, drawn with lines of the text's colour. */
const PATHS = {
  chevron: "M6 4l4 4-4 4",
  "chevron-down": "M4 6l4 4 4-4",
  search: "M7 12A5 5 0 1 0 7 2a5 5 0 0 0 0 10zM11 11l3 3",
  close: "M4 4l8 8M12 4l-8 8",
  copy: "M6 6h7v7H6zM10 6V3H3v7h3",
  check: "M3 8.5l3.5 3.5L13 4.5",
  link: "M7 9l2-2M6.5 5.5L8 4a2.8 2.8 0 0 1 4 4l-1.5 1.5M9.5 10.5L8 12a2.8 2.8 0 0 1-4-4l1.5-1.5",
  error: "M8 2.2l6 10.8H2zM8 6.5v3M8 11.4v.1",
  warning: "M8 2.2l6 10.8H2zM8 6.5v3M8 11.4v.1",
  info: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 7.5v3.5M8 5v.1",
  sun: "M8 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zM8 1v1.5M8 13.5V15M1 8h1.5M13.5 8H15M3 3l1.1 1.1M11.9 11.9L13 13M13 3l-1.1 1.1M4.1 11.9L3 13",
  moon: "M13 9.6A5.5 5.5 0 1 1 6.4 3 4.5 4.5 0 0 0 13 9.6z",
  contrast: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 2v12M8 5l4.6-.9M8 8h6M8 11l4.6.9",
  download: "M8 2v8M4.5 7L8 10.5 11.5 7M3 13h10",
  flame: "M2 3h12M4 6.5h8M4 10h4M10 10h2M5 13h2",
  path: "M2 12h4V8h4V4h4",
  gap: "M1 8h4M11 8h4M6.5 5v6M9.5 5v6",
  help: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM6.3 6.3A1.8 1.8 0 1 1 8 8.5v.8M8 11.4v.1",
  pin: "M10 2l4 4-3 1-2.5 2.5L8 13l-2.5-2.5L2 14M5.5 10.5L3 8l3.5-.5L9 5z",
  diff: "M5 2v8M2 6h6M8 13h6M8 6h6",
  more: "M3.5 8v.01M8 8v.01M12.5 8v.01",
  expand: "M5 6l3-3 3 3M5 10l3 3 3-3",
  collapse: "M5 3l3 3 3-3M5 13l3-3 3 3",
  clock: "M8 14A6 6 0 1 0 8 2a6 6 0 0 0 0 12zM8 5v3.2L10 10",
  list: "M5 4h9M5 8h9M5 12h9M2 4v.01M2 8v.01M2 12v.01",
  filter: "M2 3h12L9.5 8.5V13l-3-1.5v-3z",
  refresh: "M13 8a5 5 0 1 1-1.5-3.5L13 6M13 3v3h-3",
  plus: "M8 3v10M3 8h10",
  arrow: "M3 8h10M9 4l4 4-4 4",
  thread: "M2 3h12v8H8l-3 3v-3H2z",
  up: "M4 10l4-4 4 4",
  down: "M4 6l4 4 4-4",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 16 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 16 16"
      fill="none"
      stroke="currentColor"
      stroke-width={name === "more" || name === "list" ? 1.6 : 1.4}
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
