import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import preact from '@preact/preset-vite';
import { defineConfig, type Plugin } from 'vite';
import { thirdPartyNotices } from './tools/third-party-notices.ts';

const compress = promisify(gzip);

/**
 * The service never compresses these files itself: anyone may ask for them, without a token. Brotli would save a tenth of them, and
 * browsers take it over https only; its files would be a sixtieth of the package.
 */
const compressAssets: Plugin = {
  name: 'compress-assets',
  async writeBundle({ dir = '' }) {
    const assets = path.join(dir, 'assets');
    for (const name of await readdir(assets)) {
      const file = path.join(assets, name);
      await writeFile(`${file}.gz`, await compress(await readFile(file)));
    }
  },
};

/**
 * Builds the page into what the service hands out. Nothing is inlined: its security policy allows files of its own only.
 * All addresses are relative, so that the page can be below any path of a reverse proxy.
 */
export default defineConfig({
  root: 'src/web/page',
  base: './',
  plugins: [preact(), compressAssets, thirdPartyNotices(import.meta.dirname)],
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    rolldownOptions: { input: ['src/web/page/index.html', 'src/web/page/reference.html'] },
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
});
