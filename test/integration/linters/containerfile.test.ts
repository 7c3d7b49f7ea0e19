/** Checks the Containerfile with hadolint, and with shellcheck, which hadolint includes. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository } from '../../e2e/package.ts';
import { findings, installLinters } from './linters.ts';

const CONTAINERFILE = path.join(repository, 'deploy/container/Containerfile');
const linters = await installLinters();

describe.skipIf(linters === undefined)('the Containerfile', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-hadolint-'));
  });
  afterAll(() => rm(folder, { recursive: true }));

  const lint = (file: string) => findings(linters?.hadolint ?? '', ['--no-color', file], folder);

  it('has no finding of hadolint', async () => {
    expect(await lint(CONTAINERFILE)).toBe('');
  });

  it('would be reported with a moving base, root as its user or a check in a form that needs a shell', async () => {
    const text = await readFile(CONTAINERFILE, 'utf8');
    const spoiled = path.join(folder, 'Containerfile');
    await writeFile(
      spoiled,
      text
        .replace(/node:\S+$/m, 'node:latest')
        .replace(/^USER .*$/m, 'USER root')
        .replace(/CMD \["sh".*$/m, 'CMD true'),
    );
    const found = await lint(spoiled);
    for (const rule of ['DL3002', 'DL3007', 'DL3025']) expect(found).toContain(rule);
  });
});
