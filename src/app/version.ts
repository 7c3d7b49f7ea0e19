import { createRequire } from 'node:module';

/** The package's own version; package.json stands two folders up, from src/ as from dist/. */
export const version: string = createRequire(import.meta.url)('../../package.json').version;
