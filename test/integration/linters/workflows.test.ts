/** Checks the workflows of GitHub with actionlint and zizmor, both offline. */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import packageJson from '../../../package.json' with { type: 'json' };
import { repository } from '../../e2e/package.ts';
import { hasTool } from '../tools.ts';
import { findings, installLinters } from './linters.ts';

const WORKFLOWS = path.join('.github', 'workflows');
const linters = await installLinters();

describe.skipIf(linters === undefined || !hasTool('shellcheck', 'shellcheck'))('the workflows', () => {
  const { actionlint = '', zizmor = '' } = linters ?? {};
  /** A copy to spoil. */
  let copy: string;
  beforeAll(async () => {
    copy = await mkdtemp(path.join(tmpdir(), 'imgcls-workflows-'));
    await cp(path.join(repository, '.github'), path.join(copy, '.github'), { recursive: true });
  });
  afterAll(() => rm(copy, { recursive: true }));

  const files = async () =>
    (await readdir(path.join(repository, WORKFLOWS))).map((name) => path.join(WORKFLOWS, name));
  const byActionlint = async (folder: string) =>
    await findings(actionlint, ['-oneline', ...(await files())], folder);
  const byZizmor = async (folder: string) => {
    const found = await findings(
      zizmor,
      ['--offline', '--no-config', '--persona', 'auditor', '--format', 'json', '.'],
      folder,
    );
    return (JSON.parse(found) as { ident: string }[]).map(({ ident }) => ident);
  };

  it('have no finding of actionlint, with shellcheck for their scripts', async () => {
    expect(await byActionlint(repository)).toBe('');
  });

  it('have no finding of zizmor', async () => {
    expect(await byZizmor(repository)).toEqual([]);
  });

  it('would be reported with a wrong expression, an unquoted variable, a moving tag or a persisted credential', async () => {
    const file = path.join(copy, WORKFLOWS, 'ci.yml');
    const text = await readFile(file, 'utf8');
    const spoiled = text
      .replace('matrix.os }}\n    strategy', 'matrix.oss }}\n    strategy')
      .replace('run: npm ci', 'run: cd $HOME && npm ci')
      .replace(/checkout@[0-9a-f]{40}/, 'checkout@main')
      .replace('persist-credentials: false', 'persist-credentials: true');
    await writeFile(file, spoiled);
    const found = await byActionlint(copy);
    expect(found).toContain('property "oss" is not defined');
    expect(found).toContain('SC2086');
    expect(await byZizmor(copy)).toEqual(expect.arrayContaining(['artipacked', 'unpinned-uses']));
  });

  it('call scripts that exist', async () => {
    const texts = await Promise.all(
      (await files()).map((file) => readFile(path.join(repository, file), 'utf8')),
    );
    const called = texts.flatMap((text) =>
      [...text.matchAll(/npm run (?:-s )?([\w:-]+)/g)].map(([, name = '']) => name),
    );
    expect(called).toContain('release:try');
    expect(Object.keys(packageJson.scripts)).toEqual(expect.arrayContaining(called));
  });

  it('give each job a time limit and rights of its own', async () => {
    for (const file of await files()) {
      const { permissions, jobs } = parse(await readFile(path.join(repository, file), 'utf8'));
      expect(permissions, file).toEqual({});
      for (const [name, job] of Object.entries<Record<string, unknown>>(jobs)) {
        expect(job, `${name} of ${file}`).toMatchObject({
          'timeout-minutes': expect.any(Number),
          permissions: expect.any(Object),
        });
      }
    }
  });
});
