import { defineConfig } from 'rolldown';
import { thirdPartyNotices } from './tools/third-party-notices.ts';

/**
 * Bundles our modules, and what every command needs of others, into a few files: a process of the command line starts in
 * 60 % of the time that it takes to find and compile two hundred (docs/performance.md). Chunks lie as deep below dist/ as the modules that they are made of
 * lie below src/, so that what these find relative to themselves is where it was.
 */
export default defineConfig({
  input: {
    'cli/main': 'src/cli/main.ts',
    'model/runner-main': 'src/model/runner-main.ts',
    'model/heic-worker': 'src/model/heic-worker.ts',
    'model/optimise-main': 'src/model/optimise-main.ts',
    index: 'src/index.ts',
  },
  platform: 'node',
  plugins: [thirdPartyNotices(import.meta.dirname)],
  external: (id) => !/^[./]|^(zod|commander|ulid|picomatch)$/.test(id),
  output: { dir: 'dist', cleanDir: true, chunkFileNames: 'chunks/[name]-[hash].js' },
});
