/** Defaults of settings that help names, apart from their schemas: help loads no more than it prints. */
export const DEFAULTS = {
  topK: 5,
  concurrency: 16,
  targetSeconds: 120,
  host: '127.0.0.1',
  port: 8080,
} as const;
