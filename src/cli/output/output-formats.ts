import { exportFormats } from '../../results/export-format-names.ts';

/** Values of `--format`. */
export const outputFormats = ['table', ...exportFormats] as const;
/** File endings that select a format. */
export const formatEndings = ['csv', 'json', 'ndjson'] as const satisfies readonly OutputFormat[];
export type OutputFormat = (typeof outputFormats)[number];
