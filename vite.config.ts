import preact from '@preact/preset-vite';
import { defineConfig } from 'vite';

/** Builds the page into what the service hands out. Nothing is inlined: its security policy allows files of its own only. */
export default defineConfig({
  root: 'src/web/page',
  plugins: [preact()],
  build: {
    outDir: '../../../dist/page',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    target: 'es2022',
  },
});
