import { tmpdir } from 'node:os';
import path from 'node:path';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';
import { LongestFirst } from './test/longest-first.ts';

type ProjectConfig = NonNullable<TestProjectInlineConfiguration['test']>;

/** Tests say themselves where there are colours, whatever the shell or the CI that starts them wants of its programs. */
const PLAIN = { FORCE_COLOR: '0', CLICOLOR_FORCE: '0', NO_COLOR: '' };

/**
 * Slow projects start real processes; they get time, never sleeps.
 * @param own what else is special. Files that are not isolated share processes and modules: to start and import again takes
 * longer than most of their tests.
 */
const project = (name: string, testTimeout: number, own: ProjectConfig = {}) => ({
  test: {
    name,
    include: [`test/${name}/**/*.test.ts`],
    env: PLAIN,
    testTimeout,
    hookTimeout: testTimeout,
    // A wait that fails says for what.
    expect: { poll: { timeout: 0.8 * testTimeout } },
    ...own,
  },
});

// What tests start finds its code compiled, where Node keeps it by default: a stub of a runner is ready after a third of the CPU time.
process.env.NODE_COMPILE_CACHE ??= path.join(tmpdir(), 'node-compile-cache');

/** For tests over a stand-in of AWS. */
const MOTO = 'test/contract/moto-servers.ts';

export default defineConfig({
  test: {
    // Most tests of processes wait more than they compute.
    maxWorkers: 5,
    sequence: { sequencer: LongestFirst },
    // Keeps transformed modules by their content: the next run takes a quarter less to import them.
    experimental: { fsModuleCache: true },
    projects: [
      project('unit', 10_000, { isolate: false }),
      project('docs', 120_000, {
        isolate: false,
        include: ['test/docs/**/*.test.ts', 'templates/**/*.test.ts'],
      }),
      project('contract', 120_000, { isolate: false, globalSetup: [MOTO] }),
      project('integration', 300_000, { isolate: false, globalSetup: [MOTO] }),
      project('faults', 300_000, { globalSetup: [MOTO] }),
      project('e2e', 300_000, { isolate: false, globalSetup: [MOTO, 'test/e2e/current-build.ts'] }),
    ],
  },
});
