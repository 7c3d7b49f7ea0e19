import path from 'node:path';
import pino from 'pino/package.json' with { type: 'json' };
import {
  type ChunkingContext,
  defineConfig,
  type OutputOptions,
  type Plugin,
  type RolldownOptions,
} from 'rolldown';
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
  output: {
    dir: 'dist',
    chunkFileNames: 'chunks/[name]-[hash].js',
    // Those of declarations are for callers; those of code would be a seventh of it.
    comments: { jsdoc: false },
    ...output,
  },
});

/** Keeps the package below 6 MB. Names stay, for the stacks of errors. */
const SMALL: OutputOptions = {
  minify: { compress: true, mangle: false, codegen: { removeWhitespace: true } },
};

/**
 * A file for all that a module imports, directly or not, but for what groups before it have taken. To find a file takes a command half
 * a millisecond.
 */
const inOneFile = (name: string, module: string, priority: number) => ({
  name: (id: string, graph: ChunkingContext) =>
    importedBy(path.resolve(import.meta.dirname, module), graph).has(id) ? name : undefined,
  debugName: name,
  priority,
});

/**
 * Commander starts no programs here, and the global process is the same object: to load these two modules takes a command 6 ms,
 * as Node loads its network code for one and evaluates all getters of the other.
 */
const leanCommander: Plugin = {
  name: 'lean-commander',
  transform: {
    filter: { id: /[\\/]commander[\\/]lib[\\/]/ },
    handler: (code) => code.replaceAll(/^const (process|childProcess) = require\('node:\w+'\);$/gm, ''),
  },
};

const known = new Map<string, ReadonlySet<string>>();

/** A module with all that it imports, directly or not. */
function importedBy(entry: string, graph: ChunkingContext): ReadonlySet<string> {
  const before = known.get(entry);
  if (before !== undefined) return before;
  const found = new Set([entry]);
  for (const id of found) for (const next of graph.getModuleInfo(id)?.importedIds ?? []) found.add(next);
  known.set(entry, found);
  return found;
}

export default defineConfig([
  {
    ...bundle(
      { 'cli/main': 'src/cli/main.ts', index: 'src/index.ts' },
      {
        ...SMALL,
        codeSplitting: {
          groups: [
            // All that the help of commands needs of them.
            {
              name: 'errors',
              test: /[\\/]src[\\/](core[\\/](runtime[\\/]errors|text[\\/]harmless)|app[\\/]version)/,
              priority: 6,
            },
            inOneFile('start', 'src/cli/main.ts', 5),
            // Every command needs most of it.
            { name: 'core', test: /[\\/]src[\\/]core[\\/]/, priority: 4 },
            inOneFile('client', 'src/index.ts', 3),
            inOneFile('label', 'src/cli/jobs/label.ts', 2),
            inOneFile('worker', 'src/cli/fleet/worker.ts', 1),
          ],
        },
      },
    ),
    plugins: [leanCommander, thirdPartyNotices(import.meta.dirname)],
  },
  // Processes of their own, which need little of the rest.
  bundle(
    {
      'model/runner-main': 'src/model/runner-main.ts',
      'model/picture-main': 'src/model/picture-main.ts',
      'model/words/words-main': 'src/model/words/words-main.ts',
    },
    SMALL,
  ),
  bundle(
    {
      'model/heic-worker': 'src/model/heic-worker.ts',
      'model/optimise-main': 'src/model/optimise-main.ts',
    },
    SMALL,
  ),
  // AWS Lambda gets this one file and nothing else, so all of the SDK that the controller needs is in it.
  {
    input: { index: 'src/lambda/handler.ts' },
    platform: 'node',
    // Lambda gives credentials in the environment: other places where the SDK looks for them stay out.
    external: /^@aws-sdk\/(nested-clients|credential-provider-(?!node|env))/,
    output: { dir: 'dist/lambda', entryFileNames: '[name].mjs', codeSplitting: false, minify: true },
    plugins: [thirdPartyNotices(import.meta.dirname)],
  },
]);
