import { defineConfig } from 'vitest/config';

/** A separate configuration: the runtime interface client is built first, which takes minutes (npm run test:lambda). */
export default defineConfig({
  test: {
    include: ['test/lambda/**/*.test.ts'],
    testTimeout: 240_000,
    hookTimeout: 240_000,
    globalSetup: ['test/lambda/runtime-interface-client.ts', 'test/e2e/current-build.ts'],
  },
});
