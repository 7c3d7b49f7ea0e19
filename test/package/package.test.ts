/** The package as npm installs it into an empty project: its size, what it says of itself, its library, types and command. */
import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { publint } from 'publint';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { packPackage, repository } from '../e2e/package.ts';
import { findNodes } from './nodes.ts';

const run = promisify(execFile);
/** The model, which hardly shrinks, is two thirds of it. */
const MOST_BYTES = 6_000_000;
const ON_A_CAT = {
  name: expect.stringMatching(/cat\.jpg$/),
  labels: expect.arrayContaining([expect.objectContaining({ label: 'tiger cat' })]),
};
/** In JavaScript, and so in TypeScript, too. */
const PROGRAM = `
import { createClient } from 'imgcls';

const client = await createClient({ dataDir: process.argv[2] });
const job = await client.submit([process.argv[3] ?? '']);
const outcomes = [];
for await (const outcome of job.outcomes()) outcomes.push(outcome);
await client.close();
console.log(JSON.stringify(outcomes));
`;
const TYPES = `
import type { Outcome } from 'imgcls';
export const first: Outcome | undefined = outcomes[0];
`;

const nodes = await findNodes();
let folder: string;
let tarball: string;
/** A project with the package as its only dependency, but for what every project in TypeScript has. */
let project: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-package-'));
  // That of a release is tried as it will be published.
  const { RELEASE_PACKAGE: given } = process.env;
  tarball = given === undefined ? await packPackage(folder) : path.resolve(repository, given);
  project = path.join(folder, 'project');
  await mkdir(project);
  await writeFile(path.join(project, 'package.json'), '{ "type": "module" }');
  const types = `@types/node@${packageJson.devDependencies['@types/node']}`;
  // The package needs no script of its own or of others.
  await run('npm', ['install', '--ignore-scripts', '--no-audit', tarball, types], { cwd: project });
  await writeFile(path.join(project, 'label.js'), PROGRAM);
  await writeFile(path.join(project, 'typed.ts'), `${PROGRAM}${TYPES}`);
});
afterAll(() => rm(folder, { recursive: true }));

/** Files of the installed package, relative to it. */
const files = () => readdir(path.join(project, 'node_modules/imgcls'), { recursive: true });

describe('the packed package', () => {
  it('is small, without the pictures of the docs and without declarations that nobody can import', async () => {
    expect((await stat(tarball)).size).toBeLessThan(MOST_BYTES);
    const packed = await files();
    expect(packed).toEqual(
      expect.arrayContaining(['README.md', 'docs/models.md', 'dist/index.d.ts', 'samples/cat.jpg']),
    );
    expect(
      packed.filter((name) =>
        /^docs.*\.(png|svg|gif)$|^docs\/(decisions|reference)|^dist\/worker\/.*\.d\.ts$/.test(name),
      ),
    ).toEqual([]);
  });

  it('has nothing that publint would change', async () => {
    const { buffer } = new Uint8Array(await readFile(tarball));
    expect(await publint({ pack: { tarball: buffer }, strict: true })).toMatchObject({ messages: [] });
  });

  it('has types where "import" finds its code (are the types wrong?)', async () => {
    const attw = path.join(repository, 'node_modules/.bin/attw');
    const { stdout } = await run(attw, [tarball, '--profile', 'esm-only', '--format', 'json']);
    const { problems, analysis } = JSON.parse(stdout);
    expect(analysis.types.kind).toBe('included');
    expect(problems).not.toHaveProperty('InternalResolutionError');
  });
});

describe('a project in TypeScript', () => {
  it.each([
    ['node16', 'node16'],
    ['esnext', 'bundler'],
  ])(
    'compiles with modules of %s, resolved as %s, and all declarations checked',
    async (module, resolution) => {
      const tsc = path.join(repository, 'node_modules/.bin/tsc');
      const options = ['--noEmit', '--strict', '--ignoreConfig', '--target', 'es2023', '--types', 'node'];
      const modules = ['--module', module, '--moduleResolution', resolution];
      await expect(run(tsc, [...options, ...modules, 'typed.ts'], { cwd: project })).resolves.toMatchObject({
        stdout: '',
      });
    },
  );
});

describe.each(Object.entries(nodes))('on Node %s', (version, node) => {
  let data: string;
  beforeAll(async () => {
    data = path.join(folder, version);
    await mkdir(data);
  });

  it('the library labels a photograph', async () => {
    const { stdout } = await run(
      node,
      ['label.js', data, path.join(project, 'node_modules/imgcls/samples/cat.jpg')],
      {
        cwd: project,
      },
    );
    expect(JSON.parse(stdout)).toMatchObject([ON_A_CAT]);
  });

  it('the command labels the samples', async () => {
    const command = path.join(project, 'node_modules/.bin/imgcls');
    const { stdout } = await run(node, [command, 'samples', '--format', 'csv'], {
      cwd: data,
      env: { ...process.env, IMGCLS_DATA_DIR: data },
    });
    expect(stdout).toMatch(/^\d+,cat\.jpg,tiger cat,/m);
  });
});
