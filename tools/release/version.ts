/**
 * Prepares a release after `changeset version` has set its number: dates its section of CHANGELOG.md, and writes the number where
 * files name the container image.
 *
 *     npm run release:version
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { released } from './changelog.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
/** They name the image as `…/imgcls:1.2.3`. */
const NAMING_THE_IMAGE = ['README.md', 'worker.yaml', 'upkeep.yaml'].map(
  (name) => `deploy/kubernetes/${name}`,
);

const rewrite = (file: string, change: (text: string) => string): void => {
  const place = path.join(ROOT, file);
  writeFileSync(place, change(readFileSync(place, 'utf8')));
};

const { version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as { version: string };
const today = new Date().toISOString().slice(0, 'yyyy-mm-dd'.length);
rewrite('CHANGELOG.md', (text) => released(text, version, today));
for (const file of NAMING_THE_IMAGE)
  rewrite(file, (text) => text.replaceAll(/(?<=\/imgcls:)\d+\.\d+\.\d+/g, version));
