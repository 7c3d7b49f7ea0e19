// Apart from the exporters, because help names the formats and must load nothing else.

/** How results are written. */
export const exportFormats = ['lines', 'json', 'ndjson', 'csv'] as const;
export type ExportFormat = (typeof exportFormats)[number];
