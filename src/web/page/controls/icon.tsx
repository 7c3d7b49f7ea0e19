/** Lines of 20 by 20 icons, drawn with the colour of the text. */
const paths = {
  back: 'M12 4l-6 6 6 6',
  camera: 'M3 6.5h3.5L8 4.5h4l1.5 2H17v9H3zM10 13.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6z',
  check: 'M4 10.5l4 4 8-9',
  close: 'M5 5l10 10M15 5L5 15',
  code: 'M7 6l-4 4 4 4M13 6l4 4-4 4',
  copy: 'M7 7h9v9H7zM13 7V4H4v9h3',
  down: 'M5 8l5 5 5-5',
  download: 'M10 3v10M6 9.5l4 4 4-4M4 16.5h12',
  filter: 'M3 5h14M5.5 10h9M8 15h4',
  folder: 'M3 5h5l1.5 2H17v9H3z',
  id: 'M7.5 3l-2 14M14.5 3l-2 14M3.5 7.5h13.5M3 12.5h13.5',
  image: 'M3 4h14v12H3zM3 14l4-4.5 3.5 4 2.5-2.5 4 4M13 7.5h.01',
  more: 'M4.5 10h.01M10 10h.01M15.5 10h.01',
  next: 'M8 4l6 6-6 6',
  retry: 'M16 10a6 6 0 1 1-1.8-4.3M16.5 3v3.5H13',
  search: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4',
  share: 'M10 12.5V3M6.5 6L10 2.5 13.5 6M6 9H4v8h12V9h-2',
  stop: 'M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM7.5 7.5l5 5M12.5 7.5l-5 5',
  trash: 'M3.5 5.5h13M8 5V3h4v2M5.5 5.5l.7 11.5h7.6l.7-11.5',
  upload: 'M10 13.5V3.5M6 7l4-4 4 4M4 16.5h12',
  warning: 'M10 3.5L17.5 16.5h-15zM10 8v4M10 14.3h.01',
  zoom: 'M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4M6.5 9h5M9 6.5v5',
} as const;

export type IconName = keyof typeof paths;

/** An icon beside a text, or in a control that has an accessible name. */
export const Icon = ({ name }: { name: IconName }) => (
  <svg class={`icon icon-${name}`} viewBox="0 0 20 20" aria-hidden="true">
    <path d={paths[name]} />
  </svg>
);
