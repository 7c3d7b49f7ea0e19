import path from 'node:path';
import { defineConfig } from 'vitest/config';

/** A separate configuration: the package is installed as its users install it, from the registry (npm run test:package). */
export default defineConfig({
  test: {
    include: ['test/package/**/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 300_000,
    globalSetup: [path.join(import.meta.dirname, '../e2e/current-build.ts')],
  },
});
