import { hash } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import {
  chmod,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Level } from '../../../src/core/model/level.ts';
import { FileJournal } from '../../../src/photos/file-journal.ts';
import type { LabelledFile } from '../../../src/photos/labelled-files.ts';
import { safeName } from '../../../src/photos/sort/safe-name.ts';
import { sortFiles } from '../../../src/photos/sort/sort-files.ts';
import { type SortMode, sortEntry } from '../../../src/photos/sort/sort-journal.ts';
import { undoSort } from '../../../src/photos/sort/undo-sort.ts';
import { asNobody } from '../../integration/as-nobody.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-sort-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const place = (...names: string[]) => path.join(folder, ...names);
const journal = () => new FileJournal(place('journals'), sortEntry);

/** A photograph that a job has labelled. */
async function labelled(name: string, label: string, score = 0.9): Promise<LabelledFile> {
  const file = place('photos', name);
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, name);
  await utimes(file, 1e9, 1e9);
  return labelledAt(file, label, name, score);
}

const labelledAt = (file: string, label: string, content: string, score = 0.9): LabelledFile => ({
  outcome: { v: 1, index: 0, name: file, labels: [{ wnid: 'n1', label, score }], ms: 1, model: 'm' },
  path: file,
  content: { bytes: content.length, sha256: hash('sha256', content) },
});

async function sort(
  mode: SortMode,
  files: LabelledFile[],
  { dryRun = false, into = place('sorted'), level = 'class' as Level } = {},
) {
  async function* each() {
    yield* files;
  }
  const options = { job: 'JOB', mode, into, level, minScore: 0.5, journal: journal(), dryRun };
  return await Array.fromAsync(sortFiles(each(), options));
}

const undo = () =>
  Array.fromAsync(undoSort(['JOB'], { journal: journal(), isWanted: () => true, dryRun: false }));
const kinds = (results: readonly { kind: string }[]) => results.map(({ kind }) => kind);

/** All files below the folder, besides the journal: names, links, bytes and times of modification. */
async function snapshot(): Promise<string[]> {
  const names = (await readdir(folder, { recursive: true })).filter((name) => !name.startsWith('journals'));
  return await Promise.all(
    names.sort().map(async (name) => {
      const found = await lstat(place(name));
      if (found.isSymbolicLink()) return `${name} -> ${await readlink(place(name))}`;
      return found.isFile() ? `${name} ${found.mtimeMs} ${await readFile(place(name), 'utf8')}` : name;
    }),
  );
}
const names = async () => (await snapshot()).map((line) => line.split(' ')[0]);

describe.each(['link', 'copy', 'move'] as const)('sorting photographs (%s)', (mode) => {
  it('puts them into folders of their labels, with their sidecars, and takes all of it back', async () => {
    const files = [
      await labelled('a.jpg', 'tabby'),
      await labelled('sub/a.jpg', 'tabby'),
      await labelled('b.jpg', 'dog'),
      await labelled('c.jpg', 'dog', 0.1),
    ];
    await writeFile(place('photos', 'b.jpg.xmp'), 'sidecar');
    const before = await snapshot();
    expect(kinds(await sort(mode, files, { dryRun: true }))).toEqual([
      'unsure',
      'sorted',
      'sorted',
      'sorted',
    ]);
    expect(await snapshot()).toEqual(before);

    await sort(mode, files);
    expect((await names()).filter((name) => name?.startsWith('sorted/'))).toEqual([
      'sorted/dog',
      'sorted/dog/b.jpg',
      'sorted/dog/b.jpg.xmp',
      'sorted/tabby',
      'sorted/tabby/a-2.jpg',
      'sorted/tabby/a.jpg',
    ]);
    expect(await readFile(place('sorted', 'tabby', 'a-2.jpg'), 'utf8')).toBe('sub/a.jpg');
    expect((await stat(place('sorted', 'tabby', 'a.jpg'))).mtimeMs).toBe(1e12);
    const sorted = await snapshot();
    expect(kinds(await sort(mode, files))).toEqual(['unchanged', 'unchanged', 'unchanged', 'unsure']);
    expect(await snapshot()).toEqual(sorted);

    expect(kinds(await undo()).filter((kind) => kind === 'skipped')).toEqual([]);
    expect(await snapshot()).toEqual(before);
    expect(await journal().jobs()).toEqual([]);
  });

  it('never replaces a file, and leaves those of others when it is undone', async () => {
    await mkdir(place('sorted', 'tabby'), { recursive: true });
    await writeFile(place('sorted', 'tabby', 'a.jpg'), 'of the user');
    const files = [
      await labelled('a.jpg', 'tabby'),
      await labelled('b.jpg', 'tabby'),
      await labelled('sub/B.jpg', 'tabby'),
    ];
    const before = await snapshot();
    await sort(mode, files);
    expect(await readFile(place('sorted', 'tabby', 'a.jpg'), 'utf8')).toBe('of the user');
    // Names that differ in case only are one name on some disks.
    expect(await readdir(place('sorted', 'tabby'))).toEqual(['B-2.jpg', 'a-2.jpg', 'a.jpg', 'b.jpg']);
    await undo();
    expect(await snapshot()).toEqual(before);
  });

  it('leaves a photograph that lies in its folder already, by whichever way', async () => {
    await mkdir(place('sorted', 'tabby'), { recursive: true });
    await symlink(place('sorted'), place('way'));
    await writeFile(place('sorted', 'tabby', 'a.jpg'), 'a');
    const before = await snapshot();
    for (const way of ['sorted', 'way'])
      expect(kinds(await sort(mode, [labelledAt(place(way, 'tabby', 'a.jpg'), 'tabby', 'a')]))).toEqual([
        'unchanged',
      ]);
    expect(await snapshot()).toEqual(before);
  });

  it('is undone after a kill between the journal and the files, and goes on when it is repeated', async () => {
    const files = [await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'dog')];
    const before = await snapshot();
    await sort(mode, files);
    const { from, to } = { from: place('photos', 'b.jpg'), to: place('sorted', 'dog', 'b.jpg') };
    // As if the second file had not been reached, or only half.
    if (mode === 'move') await link(to, from);
    else await rm(to);
    await writeFile(place('sorted', 'dog', '.b.jpg.imgcls'), 'half');
    const sorted = await sort(mode, files);
    expect(kinds(sorted)).toContain('sorted');
    expect(await readFile(to, 'utf8')).toBe('b.jpg');
    await undo();
    expect(await snapshot()).toEqual(before);
  });

  it('goes on with the sidecar if it was killed between a photograph and its sidecar', async () => {
    const files = [await labelled('a.jpg', 'tabby')];
    const [from, to] = [place('photos', 'a.jpg.xmp'), place('sorted', 'tabby', 'a.jpg.xmp')];
    await writeFile(from, 'sidecar');
    const before = await snapshot();
    await sort(mode, files);
    const sorted = await snapshot();
    if (mode === 'move') await rename(to, from);
    else await rm(to);
    expect(kinds(await sort(mode, files))).toEqual(['sorted']);
    expect(await snapshot()).toEqual(sorted);
    await undo();
    expect(await snapshot()).toEqual(before);
  });

  it('leaves a photograph whose sidecar cannot be read, and goes on with the others', async () => {
    const files = [await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'tabby')];
    await symlink(place('unplugged', 'a.jpg.xmp'), place('photos', 'a.jpg.xmp'));
    expect(kinds(await sort(mode, files))).toEqual(['skipped', 'sorted']);
    expect(await readdir(place('sorted', 'tabby'))).toEqual(['b.jpg']);
  });
});

it('ends a move to another disk that was killed before the old file was deleted', async () => {
  const files = [await labelled('a.jpg', 'tabby')];
  const before = await snapshot();
  await writeFile(place('photos', 'a.jpg.xmp'), 'sidecar');
  await sort('move', files);
  const sorted = await snapshot();
  await labelled('a.jpg', 'tabby');
  await writeFile(place('photos', 'a.jpg.xmp'), 'sidecar');
  expect(kinds(await sort('move', files))).toEqual(['sorted']);
  expect(await snapshot()).toEqual(sorted);
  await undo();
  await rm(place('photos', 'a.jpg.xmp'));
  expect(await snapshot()).toEqual(before);
});

it('moves nothing out of a folder that is read-only: no photograph is in two places', async () => {
  await chmod(folder, 0o777);
  await asNobody(async () => {
    const files = [await labelled('a.jpg', 'tabby')];
    await chmod(place('photos'), 0o555);
    expect(await sort('move', files)).toMatchObject([{ kind: 'skipped', why: 'permission denied' }]);
    await chmod(place('photos'), 0o755);
  });
  expect(await readdir(place('sorted', 'tabby'))).toEqual([]);
});

it('does not move a sidecar that is a link: a relative one would lead nowhere', async () => {
  const files = [await labelled('a.jpg', 'tabby')];
  await writeFile(place('elsewhere.xmp'), 'sidecar');
  await symlink('../elsewhere.xmp', place('photos', 'a.jpg.xmp'));
  const before = await snapshot();
  expect(kinds(await sort('move', files))).toEqual(['skipped']);
  expect(await snapshot()).toEqual(before);
});

const MEMORY = '/dev/shm';
const isOtherDisk = existsSync(MEMORY) && statSync(MEMORY).dev !== statSync(tmpdir()).dev;

it.skipIf(!isOtherDisk)('moves to another disk and back: bytes and times stay', async () => {
  const into = await mkdtemp(path.join(MEMORY, 'imgcls-sort-'));
  const files = [await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'tabby')];
  const before = await snapshot();
  await writeFile(place('photos', 'b.jpg.xmp'), 'sidecar');
  expect(kinds(await sort('move', files, { into }))).toEqual(['sorted', 'sorted']);
  expect(await readdir(place('photos'))).toEqual([]);
  expect((await stat(path.join(into, 'tabby', 'a.jpg'))).mtimeMs).toBe(1e12);
  expect(await readdir(path.join(into, 'tabby'))).toEqual(['a.jpg', 'b.jpg', 'b.jpg.xmp']);
  await undo();
  await rm(place('photos', 'b.jpg.xmp'));
  expect(await snapshot()).toEqual(before);
  expect(await readdir(into)).toEqual([]);
  await rm(into, { recursive: true });
});

it('sorts by category if asked to, and leaves what has none', async () => {
  const tabby = await labelled('a.jpg', 'tabby', 0.3);
  const cat = { ...tabby.outcome, category: { name: 'cat', score: 0.9 } };
  const files = [{ ...tabby, outcome: cat }, await labelled('b.jpg', 'thing')];
  expect(kinds(await sort('link', files, { level: 'category' }))).toEqual(['unsure', 'sorted']);
  expect(await readdir(place('sorted', 'cat'))).toEqual(['a.jpg']);
});

describe('undoing', () => {
  it('a copy leaves it if its original is gone, or if it was changed', async () => {
    await sort('copy', [await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'tabby')]);
    await rm(place('photos', 'a.jpg'));
    await writeFile(place('sorted', 'tabby', 'b.jpg'), 'edited');
    const whys = (await undo()).map((result) => 'why' in result && result.why);
    expect(whys).toEqual([
      'it has changed since',
      'its original is gone or has changed, so that it may be the only copy',
    ]);
    expect(await readdir(place('sorted', 'tabby'))).toEqual(['a.jpg', 'b.jpg']);
  });

  it('a move leaves the file if another one has its old name, and gives back an edited one', async () => {
    await sort('move', [await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'tabby')]);
    await writeFile(place('photos', 'a.jpg'), 'new');
    await writeFile(place('sorted', 'tabby', 'b.jpg'), 'edited');
    expect(kinds(await undo())).toEqual(['returned', 'skipped']);
    expect(await readFile(place('photos', 'b.jpg'), 'utf8')).toBe('edited');
    await rm(place('photos', 'a.jpg'));
    expect(kinds(await undo())).toEqual(['returned']);
    expect(await readdir(folder)).toEqual(['journals', 'photos']);
  });
});

it.each([
  ['tabby, tabby cat', '', 'tabby, tabby cat'],
  ['a/b\\c:d*?"<>|\u0000', '', 'a_b_c_d_______'],
  ['..', '', '_'],
  ['con', '', 'con_'],
  ['nul.x', '.jpg', 'nul.x_.jpg'],
  ['dots. ', '', 'dots'],
  ['ü'.normalize('NFD'), '', 'ü'],
  ['x'.repeat(300), '.jpg', `${'x'.repeat(226)}.jpg`],
  ['犬'.repeat(100), '', '犬'.repeat(76)],
])('gives %j%s the name %j on every disk', (name, ending, expected) => {
  expect(safeName(name, ending)).toBe(expected);
});
