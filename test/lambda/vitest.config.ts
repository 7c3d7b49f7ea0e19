import path from 'node:path';
import { defineConfig } from 'vitest/config';

const ROOT = path.join(import.meta.dirname, '../..');

/** A separate configuration: the runtime interface client is built first, which takes minutes (npm run test:lambda). */
export default defineConfig({
  test: {
    include: ['test/lambda/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globalSetup: [
      path.join(import.meta.dirname, 'runtime-interface-client.ts'),
      path.join(ROOT, 'test/e2e/current-build.ts'),
    ],
  },
});
