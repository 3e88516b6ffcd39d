// The icons: 20 × 20 outlines in the text's colour. They are decoration; the control they stand on has the name.
import type { ReactElement } from 'react';

const PATHS = {
  explore: 'M3 16.5h14M4.5 13l3.5-4.5 3 2.5 4.5-6.5M12.5 4.5h3v3',
  targets: 'M10 3a7 7 0 1 0 7 7M10 6.5a3.5 3.5 0 1 0 3.5 3.5M10 10l6.5-6.5M13.5 3.5v3h3',
  status: 'M3 10h3l2-5 4 10 2-5h3',
  bell: 'M10 3a4.5 4.5 0 0 0-4.5 4.5c0 4-1.5 5.5-1.5 5.5h12s-1.5-1.5-1.5-5.5A4.5 4.5 0 0 0 10 3M8.5 15.5a1.6 1.6 0 0 0 3 0',
  bellOff:
    'M5.6 6.5c-.1.3-.1.7-.1 1 0 4-1.5 5.5-1.5 5.5h9M8 3.5A4.5 4.5 0 0 1 14.5 7.5c0 1.8.3 3.1.6 4M8.5 15.5a1.6 1.6 0 0 0 3 0M3.5 3.5l13 13',
  incident: 'M10 2.5v3M4.7 4.7l2.1 2.1M15.3 4.7l-2.1 2.1M6 16v-4a4 4 0 0 1 8 0v4M3.5 16.5h13',
  edit: 'M4 16l.8-3.5L13 4.3a1.5 1.5 0 0 1 2.1 0l.6.6a1.5 1.5 0 0 1 0 2.1L7.5 15.2z',
  add: 'M10 4v12M4 10h12',
  close: 'M5 5l10 10M15 5L5 15',
  copy: 'M7 7V4.5h8.5V13H13M4.5 7H13v8.5H4.5z',
  duplicate: 'M7 7V4.5h8.5V13H13M4.5 7H13v8.5H4.5zM8.75 9v4.5M6.5 11.25H11',
  run: 'M6.5 4.5v11l9-5.5z',
  stop: 'M6 6h8v8H6z',
  refresh: 'M15.5 8A6 6 0 1 0 16 10.5M16 4.5V8h-3.5',
  clock: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 6.5V10l2.5 1.5',
  chevron: 'M6 8l4 4 4-4',
  left: 'M12 5l-5 5 5 5',
  right: 'M8 5l5 5-5 5',
  eye: 'M2.5 10S5 5 10 5s7.5 5 7.5 5-2.5 5-7.5 5-7.5-5-7.5-5M10 8a2 2 0 1 0 0 4 2 2 0 0 0 0-4',
  eyeOff:
    'M4 4l12 12M8 5.3A8 8 0 0 1 10 5c5 0 7.5 5 7.5 5a13 13 0 0 1-2.4 2.9M5.3 6.6A12 12 0 0 0 2.5 10S5 15 10 15a7.5 7.5 0 0 0 3-.6',
  sun: 'M10 6.5a3.5 3.5 0 1 0 0 7 3.5 3.5 0 0 0 0-7M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M4.3 15.7l1.1-1.1M14.6 5.4l1.1-1.1',
  moon: 'M16 11.5A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.5',
  system: 'M3 4.5h14v9H3zM7.5 16.5h5M10 13.5v3',
  zoomOut: 'M8.5 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12.2 12.2l4.3 4.3M6.5 8.5h4',
  list: 'M3.5 4h13v4.5h-13zM3.5 11.5h13V16h-13z',
  side: 'M3.5 4H9v12H3.5zM11 4h5.5v12H11z',
  link: 'M8.5 11.5l3-3M9 6l1.5-1.5a3.2 3.2 0 0 1 4.5 4.5L13.5 10.5M11 14l-1.5 1.5A3.2 3.2 0 0 1 5 11L6.5 9.5',
  format: 'M4 5h12M4 8.5h7M7 12h9M7 15.5h5',
  keyboard: 'M2.5 5.5h15v9h-15zM5.5 8.5h.01M8.5 8.5h.01M11.5 8.5h.01M14.5 8.5h.01M6.5 11.5h7',
  search: 'M8.5 3.5a5 5 0 1 0 0 10 5 5 0 0 0 0-10M12.2 12.2l4.3 4.3',
  warning: 'M10 3.5L17.5 16h-15zM10 8v4M10 14h.01',
  info: 'M10 3a7 7 0 1 0 0 14 7 7 0 0 0 0-14M10 9.5V13M10 7h.01',
  more: 'M5 10h.01M10 10h.01M15 10h.01',
  bolt: 'M11 2.5L4.5 11h4L7.5 17.5 15 8.5h-4.5z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }): ReactElement {
  return (
    <svg width={size} height={size} viewBox="0 0 20 20" aria-hidden="true" focusable="false">
      <path
        d={PATHS[name]}
        fill={name === 'run' || name === 'stop' ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth={name === 'more' ? 2.4 : 1.5}
        strokeLinecap="round"
        strokeLinejoin="round"
      />
    </svg>
  );
}
