import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { SERVERS } from './servers.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** The name of the server that the contract suites run against. */
    server: string;
  }
}

/** A separate configuration: the servers come from package registries (npm run install:servers, npm run test:servers). */
export default defineConfig({
  test: {
    // Most tests wait more than they compute.
    maxWorkers: 3,
    projects: [
      ...SERVERS.map(({ name, serves }) => ({
        test: {
          name,
          include: serves.map((suite) => `test/servers/contract/${suite}.test.ts`),
          testTimeout: 180_000,
          hookTimeout: 300_000,
          runner: path.join(import.meta.dirname, 'contract/miss-runner.ts'),
          provide: { server: name },
        },
      })),
      {
        test: {
          name: 'program',
          include: ['test/servers/program/**/*.test.ts'],
          testTimeout: 240_000,
          hookTimeout: 300_000,
          globalSetup: ['test/e2e/current-build.ts'],
        },
      },
    ],
  },
});
