import { fileURLToPath } from 'node:url';

/**
 * The absolute path of a file that ships with the package.
 * @param relative from the package's root, with slashes: `deploy/image/provision.sh`.
 */
export const packageFile = (relative: string): string =>
  // Bundled chunks have the same depth below dist/ as this module has below src/ (rolldown.config.ts).
  fileURLToPath(new URL(`../../${relative}`, import.meta.url));
