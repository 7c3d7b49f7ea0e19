// Apart from the exporters, because help texts need the formats and must load nothing else.

/** Formats of results. */
export const exportFormats = ['lines', 'json', 'ndjson', 'csv'] as const;
export type ExportFormat = (typeof exportFormats)[number];
