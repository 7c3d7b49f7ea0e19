import { defineConfig } from 'vitest/config';

/** What mutants meet: the unit tests, without those that simulate for seconds or start processes. */
export default defineConfig({
  test: {
    include: ['test/unit/{core,results,scaler,upload,client,cli,worker}/**/*.test.ts'],
    testTimeout: 10_000,
  },
});
