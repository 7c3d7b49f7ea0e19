import { defineConfig } from 'vitest/config';

/** Apart from the others: it needs root and the registries, and takes minutes (npm run test:image). */
export default defineConfig({
  test: { include: ['test/image/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 600_000 },
});
