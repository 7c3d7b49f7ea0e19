/** The image of deploy/container/Containerfile without a builder of images: what its last stage holds, run as it says. */
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { repository, start } from './package.ts';

const containerfile = readFileSync(path.join(repository, 'deploy/container/Containerfile'), 'utf8');
const lastStage = containerfile.slice(containerfile.lastIndexOf('\nFROM '));
let folder: string;
let image: string;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-image-'));
  image = path.join(folder, 'opt/imgcls');
  await mkdir(image, { recursive: true });
  for (const [, words = ''] of lastStage.matchAll(/^COPY (?!--from)(.+)$/gm)) {
    const sources = words.split(' ');
    const target = sources.pop() ?? '';
    for (const source of sources) {
      const to = sources.length > 1 ? path.join(image, target, source) : path.join(image, target);
      await cp(path.join(repository, source), to, { recursive: true });
    }
  }
  await symlink(path.join(repository, 'node_modules'), path.join(image, 'node_modules'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** By the entry point, where files may be written below these folders only. */
async function run(args: string[], writable: string[]) {
  const [program = '', script = ''] = JSON.parse(
    /^ENTRYPOINT (.+)$/m.exec(lastStage)?.[1] ?? '[]',
  ) as string[];
  expect(program).toBe('node');
  const data = path.join(folder, 'data');
  await mkdir(data, { recursive: true });
  const permissions = [
    '--permission',
    '--allow-fs-read=*',
    ...writable.map((name) => `--allow-fs-write=${path.join(folder, name)}`),
    ...['child-process', 'worker', 'addons'].map((each) => `--allow-${each}`),
  ];
  const env = { NODE_OPTIONS: permissions.join(' '), HOME: data, TMPDIR: path.join(folder, 'tmp') };
  return await start(path.join(folder, script), data, args, env).finished;
}

describe('the container image', () => {
  it('classifies with nothing to write to but its two volumes', async () => {
    const { code, stdout, stderr } = await run(
      ['upload', path.join(repository, 'samples/cat.jpg')],
      ['data', 'tmp'],
    );
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/cat\.jpg, .*cat$/m);
  });

  it('would be found out if it needed more', async () => {
    const { code, stderr } = await run(['upload', path.join(repository, 'samples/cat.jpg')], ['tmp']);
    expect(code).toBe(1);
    expect(stderr).toContain('restricted');
  });

  it('is built of what its ignore file lets through', () => {
    const ignored = readFileSync(
      path.join(repository, 'deploy/container/Containerfile.dockerignore'),
      'utf8',
    );
    const allowed = [...ignored.matchAll(/^!(.+)$/gm)].map(([, name]) => name);
    const copied = [...containerfile.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, names = '']) =>
      names.split(' '),
    );
    expect(new Set(allowed)).toEqual(new Set(copied));
  });
});
