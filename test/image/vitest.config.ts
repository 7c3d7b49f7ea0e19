import { defineConfig } from 'vitest/config';

/** A separate configuration: the test needs root and package registries, and takes minutes (npm run test:image). */
export default defineConfig({
  test: { include: ['test/image/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 1_200_000 },
});
