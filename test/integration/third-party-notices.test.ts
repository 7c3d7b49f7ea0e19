import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { rolldown } from 'rolldown';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { thirdPartyNotices } from '../../tools/third-party-notices.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(path.join(tmpdir(), 'imgcls-notices-'));
});
afterEach(async () => await rm(root, { recursive: true }));

/** Adds a package whose code the bundle needs, with these other files. */
async function addPackage(folder: string, code: string, files: Record<string, string>): Promise<void> {
  const dir = path.join(root, folder);
  await mkdir(dir, { recursive: true });
  const name = folder.replace(/^.*node_modules\//, '');
  const manifest = { name, version: '1.2.3', license: 'MIT', type: 'module', exports: './index.js' };
  const all = { 'package.json': JSON.stringify(manifest), 'index.js': code, ...files };
  for (const [file, text] of Object.entries(all)) await writeFile(path.join(dir, file), text);
}

async function notices(): Promise<string> {
  await writeFile(path.join(root, 'main.js'), `import { a } from '@some/a';\nimport 'b';\nconsole.log(a);\n`);
  const bundle = await rolldown({ input: path.join(root, 'main.js'), plugins: [thirdPartyNotices(root)] });
  const { output } = await bundle.generate();
  const found = output.find(({ fileName }) => fileName === 'THIRD-PARTY-NOTICES.txt');
  return found?.type === 'asset' ? String(found.source) : '';
}

it('contain the licence and the notice of each package in the bundle, indirect ones too', async () => {
  const inner = 'node_modules/b/node_modules/c';
  await addPackage('node_modules/@some/a', 'export const a = 1;', { 'LICENSE.md': 'Licence of A.' });
  await addPackage('node_modules/b', "import 'c';\nconsole.log('b');", {
    COPYING: 'Licence of B.',
    NOTICE: 'Notice of B.',
  });
  await addPackage(inner, "console.log('c');", { 'license.txt': 'Licence of C.' });
  await addPackage('node_modules/unused', '', { LICENSE: 'Licence of nothing that is used.' });
  const text = await notices();
  for (const part of [
    '@some/a 1.2.3 (MIT)',
    'Licence of A.',
    'Licence of B.\n\nNotice of B.',
    'Licence of C.',
  ])
    expect(text).toContain(part);
  expect(text).not.toContain('nothing that is used');
});

it('cannot be made for a package without a licence text: the build fails', async () => {
  await addPackage('node_modules/@some/a', 'export const a = 1;', { LICENSE: 'Licence of A.' });
  await addPackage('node_modules/b', "console.log('b');", { NOTICE: 'Notice of B.', 'readme.md': 'MIT' });
  await expect(notices()).rejects.toThrow(/b 1\.2\.3 is in the bundle, but .*b has no licence text/);
});
