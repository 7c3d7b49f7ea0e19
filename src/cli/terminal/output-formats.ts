import { exportFormats } from '../../results/formats.ts';

/** What `--format` takes. */
export const outputFormats = ['table', ...exportFormats] as const;
/** Endings of files that say how they are written. */
export const formatEndings = ['csv', 'json', 'ndjson'] as const satisfies readonly OutputFormat[];
export type OutputFormat = (typeof outputFormats)[number];
