import pino from 'pino/package.json' with { type: 'json' };
import { defineConfig, type OutputOptions, type RolldownOptions } from 'rolldown';
import { thirdPartyNotices } from './tools/third-party-notices.ts';

/** What every command needs of others. Pino is thirty files in ten packages. */
const BUNDLED = ['zod', 'commander', 'ulid', 'picomatch', 'pino', ...Object.keys(pino.dependencies)];
const isBundled = (id: string) =>
  /^[./]/.test(id) || BUNDLED.some((name) => id === name || id.startsWith(`${name}/`));

/**
 * Bundles our modules, and what every command needs of others, into a few files: a process of the command line starts in
 * 60 % of the time that it takes to find and compile two hundred (docs/performance.md). Chunks lie as deep below dist/ as the modules that they are made of
 * lie below src/, so that what these find relative to themselves is where it was.
 */
const bundle = (input: Record<string, string>, output: OutputOptions = {}): RolldownOptions => ({
  input,
  platform: 'node',
  external: (id) => !isBundled(id),
  output: { dir: 'dist', chunkFileNames: 'chunks/[name]-[hash].js', ...output },
});

export default defineConfig([
  {
    ...bundle(
      { 'cli/main': 'src/cli/main.ts', index: 'src/index.ts' },
      {
        cleanDir: true,
        codeSplitting: {
          groups: [
            // All that the help of commands needs of the core.
            {
              name: 'errors',
              test: /[\\/]src[\\/]core[\\/](runtime[\\/]errors|text[\\/]harmless)/,
              priority: 1,
            },
            // Every command needs most of it: one file instead of twenty.
            { name: 'core', test: /[\\/]src[\\/]core[\\/]/ },
          ],
        },
      },
    ),
    plugins: [thirdPartyNotices(import.meta.dirname)],
  },
  // Processes of their own, which need little of the rest.
  bundle({ 'model/runner-main': 'src/model/runner-main.ts' }),
  bundle({
    'model/heic-worker': 'src/model/heic-worker.ts',
    'model/optimise-main': 'src/model/optimise-main.ts',
  }),
]);
