import { defineConfig } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

/** Slow projects start real processes; they get time, never sleeps. */
const project = (name: string, testTimeout: number, globalSetup: string[] = []) => ({
  test: { name, include: [`test/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, globalSetup },
});

export default defineConfig({
  test: {
    // Most tests of processes wait more than they compute.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    projects: [
      project('unit', 10_000),
      project('contract', 60_000),
      project('integration', 120_000),
      project('faults', 240_000),
      project('e2e', 240_000, ['test/e2e/current-build.ts']),
    ],
  },
});
