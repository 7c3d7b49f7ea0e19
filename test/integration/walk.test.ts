import { execFileSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Input, Skipped } from '../../src/upload/inputs.ts';
import { walkInputs } from '../../src/upload/walk.ts';

describe('what upload takes', () => {
  let folder: string;
  let skipped: Skipped[];
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-walk-'));
    skipped = [];
  });
  afterEach(() => rm(folder, { recursive: true }));

  const file = async (name: string) => {
    await mkdir(path.dirname(path.join(folder, name)), { recursive: true });
    await writeFile(path.join(folder, name), 'x');
  };
  async function walk(
    inputs: string[],
    { stdin = '', include = [] as string[], exclude = [] as string[] } = {},
  ) {
    const found: Input[] = [];
    const options = {
      include,
      exclude,
      stdin: Readable.from([stdin]),
      bucket: () => {
        throw new Error('no bucket in this test');
      },
      onSkip: (skip: Skipped) => void skipped.push(skip),
    };
    for await (const input of walkInputs(inputs, options)) found.push(input);
    return found;
  }
  const names = (inputs: Input[]) => inputs.map(({ name }) => name);

  it('a folder: its images, all the way down, in stable order, by their path in it', async () => {
    for (const name of ['b.jpg', 'a/z.png', 'a/B.JPG', 'a.jpg', 'notes.txt', '.hidden.jpg']) await file(name);
    expect(names(await walk([folder]))).toEqual(['a/B.JPG', 'a/z.png', 'a.jpg', 'b.jpg']);
    expect(skipped.map(({ source }) => path.basename(source))).toEqual(['notes.txt']);
  });

  it('two folders: their images by the folder as it was given, so that names stay apart', async () => {
    for (const name of ['one/a.jpg', 'two/a.jpg']) await file(name);
    const [one, two] = [path.join(folder, 'one'), path.join(folder, 'two')];
    expect(names(await walk([one, two]))).toEqual([`${one}/a.jpg`, `${two}/a.jpg`]);
  });

  it('a file that is named, whatever its ending', async () => {
    await file('picture');
    expect(names(await walk([path.join(folder, 'picture')]))).toEqual([path.join(folder, 'picture')]);
  });

  it('a file whose name looks like a glob', async () => {
    await file('[1].jpg');
    expect(await walk([path.join(folder, '[1].jpg')])).toHaveLength(1);
  });

  it('a glob, at any depth that it asks for', async () => {
    for (const name of ['x/a.jpg', 'x/y/b.jpg', 'x/c.png']) await file(name);
    expect(await walk([`${folder}/x/*.jpg`])).toHaveLength(1);
    expect(await walk([`${folder}/x/**/*.jpg`])).toHaveLength(2);
  });

  it('a list on standard input, in its order; a line that is not there is an outcome, not the end', async () => {
    for (const name of ['b.jpg', 'a.jpg']) await file(name);
    const lines = ['b.jpg', 'gone.jpg', 'a.jpg'].map((name) => path.join(folder, name));
    const found = await walk(['-'], { stdin: `${lines.join('\n')}\n` });
    expect(names(found)).toEqual(lines);
    expect(found[1]).toMatchObject({ kind: 'unreadable', error: { code: 'missing' } });
  });

  it('no link out of the folder, no pipe, no link to nothing', async () => {
    await file('in/a.jpg');
    await file('secret.jpg');
    const inside = path.join(folder, 'in');
    await symlink('a.jpg', path.join(inside, 'link.jpg'));
    await symlink(path.join(folder, 'secret.jpg'), path.join(inside, 'out.jpg'));
    await symlink('nowhere', path.join(inside, 'void.jpg'));
    execFileSync('mkfifo', [path.join(inside, 'pipe.jpg')]);
    expect(names(await walk([inside]))).toEqual(['a.jpg', 'link.jpg']);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'it is a link out of the folder',
      'it is not a regular file',
      'it is a link to nothing',
    ]);
  });

  it('a name with a newline, a quote and an emoji, as it is', async () => {
    await file('line\nbreak "q" 🐈.jpg');
    expect(names(await walk([folder]))).toEqual(['line\nbreak "q" 🐈.jpg']);
  });

  it('nothing that is not there, and says which', async () => {
    await expect(walk([path.join(folder, 'gone')])).rejects.toThrow(/Cannot read .*gone/);
  });
});
