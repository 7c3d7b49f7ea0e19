import { defineConfig } from 'vitest/config';

/** A separate configuration: the site is built first (npm run docs:build), with dependencies of its own. */
export default defineConfig({
  test: { include: ['test/site/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 120_000 },
});
