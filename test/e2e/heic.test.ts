import { cp, mkdir, readdir, rm, symlink } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type InstalledPackage, installOwnPackage, repository, start } from './package.ts';

const DECODER = 'libheif-js';
const modules = path.join(repository, 'node_modules');
let installed: InstalledPackage;
/** Where npm puts what is installed beside imgcls. */
let beside: string;

beforeAll(async () => {
  installed = await installOwnPackage();
  const own = path.resolve(installed.bin, '../../node_modules');
  beside = path.resolve(own, '../../node_modules');
  await rm(own);
  await mkdir(own);
  await mkdir(beside);
  for (const name of await readdir(modules))
    if (name !== DECODER) await symlink(path.join(modules, name), path.join(own, name));
});
afterAll(() => installed.remove());

async function label() {
  const dataDir = await installed.dataDir();
  await cp(path.join(repository, 'test/heic-files/photo.heic'), path.join(dataDir, 'IMG_1.HEIC'));
  const { stdout, stderr } = await start(installed.bin, dataDir, ['upload', '.', '--format', 'ndjson'])
    .finished;
  expect(stdout, stderr).not.toBe('');
  return JSON.parse(stdout);
}

it('HEIC needs a decoder, and the error says how to get it and how to do without', async () => {
  const { name, error } = await label();
  expect({ name, code: error.code }).toEqual({ name: 'IMG_1.HEIC', code: 'unsupported_format' });
  expect(error.message).toContain(`npm install ${DECODER}`);
  expect(error.message).toContain('Most Compatible');
  expect(error.message.length).toBeLessThan(200);
});

it('HEIC is labelled once the decoder is installed beside imgcls', async () => {
  await symlink(path.join(modules, DECODER), path.join(beside, DECODER));
  expect(await label()).toMatchObject({ label: 'espresso' });
});
