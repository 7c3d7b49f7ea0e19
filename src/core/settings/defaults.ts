/** Defaults that help texts show. They are apart from the schemas because help must not load zod. */
export const DEFAULTS = {
  topK: 5,
  concurrency: 16,
  targetSeconds: 120,
  host: '127.0.0.1',
  port: 8080,
} as const;
