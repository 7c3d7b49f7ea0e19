import { exportFormats } from '../results/formats.ts';

/** What `--format` takes. */
export const outputFormats = ['table', ...exportFormats] as const;
export type OutputFormat = (typeof outputFormats)[number];
