/** The packed package has the licence texts of the code of others in it. */
import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, repository } from './package.ts';
import { startService } from './web/up.ts';

let installed: InstalledPackage;
let dist: string;
beforeAll(async () => {
  installed = await installPackage();
  dist = path.join(path.dirname(installed.bin), '..', 'dist');
});
afterAll(async () => await installed?.remove());

const FILE = 'THIRD-PARTY-NOTICES.txt';
const textOf = (...place: string[]): string => readFileSync(path.join(...place), 'utf8');
/** What `pattern` captures in these files, each once. */
function captured(cwd: string, files: string, pattern: RegExp): string[] {
  const found = globSync(files, { cwd }).flatMap((file) => [...textOf(cwd, file).matchAll(pattern)]);
  return [...new Set(found.map(([, name = '']) => name))].sort();
}
const named = (notices: string): string[] =>
  [...notices.matchAll(/^(\S+) \d+\.\d+\.\d+\S* \(/gm)].map(([, name = '']) => name).sort();

it('are those of all packages that the sources import and that are not loaded from elsewhere', () => {
  // With white space and without.
  const imports =
    /(?:^|;)import(?:(?! type )[\s{*][^;"']*?from)?\s*["']((?:@[^/"']+\/)?[^./"':][^/"':]*)["'/]/gm;
  const loaded = captured(dist, '**/*.js', imports);
  const bundled = captured(path.join(repository, 'src'), '**/*.{ts,tsx}', imports).filter(
    (name) => !loaded.includes(name),
  );
  expect(bundled).toEqual(expect.arrayContaining(['commander', 'zod', 'preact', 'uplot']));
  const notices = [textOf(dist, FILE), textOf(dist, 'page', FILE)];
  expect(notices.flatMap(named)).toEqual(expect.arrayContaining(bundled));
  for (const text of notices)
    expect(text.match(/Permission (is hereby granted|to use)/g)?.length).toBe(named(text).length);
});

it('can be read in a browser, for the page', async () => {
  const service = await startService(installed.bin, await installed.dataDir(), ['serve']);
  try {
    const answer = await fetch(`${service.url}/${FILE}`);
    expect(await answer.text()).toBe(textOf(dist, 'page', FILE));
  } finally {
    await service.stop();
  }
});
