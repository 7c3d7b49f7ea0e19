import { exportFormats } from '../results/export.ts';

/** What `--format` takes. */
export const outputFormats = ['table', ...exportFormats] as const;
export type OutputFormat = (typeof outputFormats)[number];
