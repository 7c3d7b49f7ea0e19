import { defineConfig } from 'vitest/config';

/** A separate configuration: the other implementations are installed first, some 600 MB of packages (npm run test:parity). */
export default defineConfig({
  test: {
    include: ['test/parity/**/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 300_000,
    // Both files install the same packages.
    fileParallelism: false,
  },
});
