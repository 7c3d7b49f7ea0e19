/**
 * Writes the files of a release to release/: the package, a list of what it depends on (SBOM), their checksums, and the notes.
 *
 *     npm run release:pack
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { notesOf } from './changelog.ts';

const ROOT = path.resolve(import.meta.dirname, '../..');
const RELEASE = path.join(ROOT, 'release');

const npm = (...args: string[]): string =>
  execFileSync('npm', args, { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 });
const sha256Of = (file: string): string =>
  createHash('sha256')
    .update(readFileSync(path.join(RELEASE, file)))
    .digest('hex');

const { name, version } = JSON.parse(readFileSync(path.join(ROOT, 'package.json'), 'utf8')) as Record<
  string,
  string
>;
const changelog = readFileSync(path.join(ROOT, 'CHANGELOG.md'), 'utf8');
const files = [`${name}-${version}.tgz`, `${name}-${version}.cdx.json`];
const [, sbom = ''] = files;

rmSync(RELEASE, { recursive: true, force: true });
mkdirSync(RELEASE);
writeFileSync(path.join(RELEASE, 'notes.md'), notesOf(changelog, `${version}`));
npm('pack', '--silent', '--pack-destination', RELEASE);
// Of the lock file alone: optional packages of other platforms are part of the package, too.
const formats = ['--sbom-format', 'cyclonedx', '--sbom-type', 'application'];
writeFileSync(
  path.join(RELEASE, sbom),
  npm('sbom', ...formats, '--omit', 'dev', '--package-lock-only', '--workspaces=false'),
);
writeFileSync(path.join(RELEASE, 'SHA256SUMS'), files.map((file) => `${sha256Of(file)}  ${file}\n`).join(''));
