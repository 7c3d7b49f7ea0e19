import { exportFormats } from '../../results/export-format-names.ts';

/** Values of `--format`. */
export const outputFormats = ['table', ...exportFormats, 'parquet'] as const;
export type OutputFormat = (typeof outputFormats)[number];
/** Formats by the file ending that selects them. */
export const formatsByEnding: Readonly<Record<string, OutputFormat>> = {
  '.csv': 'csv',
  '.json': 'json',
  '.ndjson': 'ndjson',
  '.jsonl': 'ndjson',
  '.parquet': 'parquet',
};
