import { defineConfig } from 'vitest/config';

/** Slow projects start real processes; they get time, never sleeps. */
const project = (name: string, testTimeout: number) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout },
});

export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      project('unit', 10_000),
      project('contract', 60_000),
      project('integration', 120_000),
      project('faults', 240_000),
      project('e2e', 240_000),
    ],
  },
});
