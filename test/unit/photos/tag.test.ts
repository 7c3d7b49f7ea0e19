import { hash } from 'node:crypto';
import {
  chmod,
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
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { FileJournal } from '../../../src/photos/file-journal.ts';
import type { LabelledFile } from '../../../src/photos/labelled-files.ts';
import { type SidecarName, Sidecars } from '../../../src/photos/tag/sidecar-path.ts';
import { tagFiles } from '../../../src/photos/tag/tag-files.ts';
import { tagEntry } from '../../../src/photos/tag/tag-journal.ts';
import { undoTags } from '../../../src/photos/tag/undo-tags.ts';
import { EMPTY_SIDECAR, withKeywords } from '../../../src/photos/xmp/keywords.ts';

let folder: string;
let photos: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-tag-'));
  photos = path.join(folder, 'photos');
  await mkdir(photos);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const journal = () => new FileJournal(path.join(folder, 'tags'), tagEntry);
const clock = { nowMs: () => Date.now() };

/** A photograph that a job has labelled. */
async function labelled(name: string, label: string, score = 0.9, more: object = {}): Promise<LabelledFile> {
  const file = path.join(photos, name);
  await writeFile(file, name);
  const labels = [
    { wnid: 'n1', label, score },
    { wnid: 'n2', label: 'second', score: 0.06 },
  ];
  const outcome: Outcome = { v: 1, index: 0, name, labels, ms: 1, model: 'm', ...more };
  return { outcome, path: file, content: { bytes: name.length, sha256: hash('sha256', name) } };
}

interface Flags {
  job?: string;
  minScore?: number;
  top?: number;
  sidecar?: SidecarName;
  dryRun?: boolean;
}

async function tag(files: LabelledFile[], { job = 'JOB', sidecar = 'auto', ...flags }: Flags = {}) {
  async function* each() {
    yield* files;
  }
  const place = new Sidecars(sidecar);
  const options = {
    minScore: 0.5,
    top: 1,
    dryRun: false,
    ...flags,
    job,
    place,
    journal: journal(),
    clock,
  };
  return await Array.fromAsync(tagFiles(each(), options));
}

const openEmbedded = () => Promise.reject(new Error('no photograph was changed'));
const undo = (jobs = ['JOB'], isWanted = (_entry: { photo: string }) => true) =>
  Array.fromAsync(undoTags(jobs, { journal: journal(), isWanted, openEmbedded, dryRun: false, clock }));

const sidecar = (name: string) => path.join(photos, name);
const read = (name: string) => readFile(sidecar(name), 'utf8');
const kinds = (results: readonly { kind: string }[]) => results.map(({ kind }) => kind);

/** Names, bytes and times of modification of all files. */
async function snapshot(): Promise<string[]> {
  const names = (await readdir(photos)).sort();
  return await Promise.all(
    names.map(async (name) => `${name} ${(await stat(sidecar(name))).mtimeMs} ${await read(name)}`),
  );
}

const USERS = withKeywords(EMPTY_SIDECAR, { words: ['Anna'], paths: [['Anna']] }).replaceAll(
  'imgcls',
  'People',
);

describe('tagging photographs', () => {
  it('writes the sure labels into sidecars, and the same again changes nothing', async () => {
    const files = [
      await labelled('a.jpg', 'tabby'),
      await labelled('b.jpg', 'dog', 0.05),
      await labelled('c.jpg', 'cat', 0.9, { warning: 'uniform' }),
    ];
    expect(kinds(await tag(files))).toEqual(['unsure', 'unsure', 'tagged']);
    expect(await readdir(photos)).toEqual(['a.jpg', 'a.jpg.xmp', 'b.jpg', 'c.jpg']);
    const before = await snapshot();
    expect(kinds(await tag(files))).toEqual(['unchanged', 'unsure', 'unsure']);
    expect(await snapshot()).toEqual(before);
  });

  it('changes no file in a dry run', async () => {
    const files = [await labelled('a.jpg', 'tabby')];
    const before = await snapshot();
    expect(await tag(files, { dryRun: true })).toMatchObject([{ kind: 'tagged', words: ['tabby'] }]);
    expect(await snapshot()).toEqual(before);
    expect(await journal().jobs()).toEqual([]);
  });

  it('takes more labels if asked to, and takes back one that is no longer sure', async () => {
    const file = await labelled('a.jpg', 'tabby');
    await tag([file], { top: 2, minScore: 0.05 });
    expect(await read('a.jpg.xmp')).toMatch(/<rdf:li>tabby<\/rdf:li>\s*<rdf:li>second<\/rdf:li>/);
    await tag([await labelled('a.jpg', 'tabby', 0.3)]);
    expect(await read('a.jpg.xmp')).toBe(EMPTY_SIDECAR);
  });

  it.each([
    ['both are sure', 0.7, 0.9, ['cat', 'tabby'], 'imgcls|cat|tabby'],
    ['only the category is', 0.3, 0.9, ['cat'], 'imgcls|cat'],
    ['neither is', 0.3, 0.4, [], undefined],
  ])('puts a label below its category: %s', async (_case, score, category, words, last) => {
    const file = await labelled('a.jpg', 'tabby', score, { category: { name: 'cat', score: category } });
    const [result] = await tag([file]);
    expect(result).toMatchObject(words.length === 0 ? { kind: 'unsure' } : { kind: 'tagged', words });
    if (last !== undefined) expect(await read('a.jpg.xmp')).toContain(`<rdf:li>${last}</rdf:li>`);
  });

  it('keeps the permissions of a sidecar and the link that leads to it', async () => {
    const file = await labelled('a.jpg', 'tabby');
    const real = path.join(folder, 'elsewhere.xmp');
    await writeFile(real, USERS);
    await chmod(real, 0o640);
    await symlink(real, sidecar('a.jpg.xmp'));
    await tag([file]);
    expect((await stat(real)).mode & 0o777).toBe(0o640);
    expect(await readFile(real, 'utf8')).toContain('imgcls|tabby');
    expect(await readdir(folder)).toEqual(['elsewhere.xmp', 'photos', 'tags']);
  });

  it('leaves the link of a sidecar alone that leads to a disk which is not there', async () => {
    const file = await labelled('a.jpg', 'tabby');
    const elsewhere = path.join(folder, 'unplugged', 'a.xmp');
    await symlink(elsewhere, sidecar('a.jpg.xmp'));
    expect(await tag([file])).toMatchObject([{ kind: 'skipped', why: 'its sidecar is a broken link' }]);
    expect(await readlink(sidecar('a.jpg.xmp'))).toBe(elsewhere);
  });

  it('leaves a damaged sidecar alone, and a photograph that has changed', async () => {
    const damaged = await labelled('a.jpg', 'tabby');
    await writeFile(sidecar('a.jpg.xmp'), USERS.slice(0, 300));
    const changed = await labelled('b.jpg', 'tabby');
    await writeFile(sidecar('b.jpg'), 'B.jpg');
    const gone = { ...(await labelled('c.jpg', 'tabby')), path: sidecar('d.jpg') };
    const before = await snapshot();
    const whys = (await tag([damaged, changed, gone])).map((result) => 'why' in result && result.why);
    expect(whys).toEqual([
      expect.stringMatching(/^its sidecar is not well-formed XML: /),
      'the file has changed since it was labelled',
      'the file cannot be read: no such file or folder',
    ]);
    expect(await snapshot()).toEqual(before);
  });

  it.each([
    ['auto', ['a.jpg'], 'a.jpg.xmp'],
    ['auto', ['a.jpg', 'a.xmp'], 'a.xmp'],
    ['auto', ['a.jpg', 'a.xmp', 'a.jpg.xmp'], 'a.jpg.xmp'],
    // Lightroom's sidecar belongs to the raw file.
    ['auto', ['a.jpg', 'a.cr2', 'a.xmp'], 'a.jpg.xmp'],
    ['full', ['a.jpg', 'a.xmp'], 'a.jpg.xmp'],
    ['short', ['a.jpg', 'a.jpg.xmp'], 'a.xmp'],
    ['short', ['a.jpg', 'a.png'], undefined],
  ] as const)('names sidecars (%s) beside %j: %s', async (choice, names, expected) => {
    for (const name of names) await writeFile(sidecar(name), '');
    const found = await new Sidecars(choice).pathOf(sidecar('a.jpg'));
    expect(found && path.basename(found)).toBe(expected);
  });
});

describe('undoing tags', () => {
  it('gives the folder back as it was, byte for byte', async () => {
    const files = await Promise.all(
      Array.from({ length: 34 }, (_, at) => labelled(`${at}.jpg`, at % 2 === 0 ? 'tabby' : 'dog')),
    );
    for (const at of [3, 4]) await writeFile(sidecar(`${at}.jpg.xmp`), USERS);
    await utimes(sidecar('3.jpg.xmp'), 1e9, 1e9);
    const before = await snapshot();
    await tag(files);
    await tag([await labelled('3.jpg', 'horse'), await labelled('5.jpg', 'horse')], { job: 'LATER' });
    expect(await readdir(photos)).toHaveLength(68);
    await undo(['LATER', 'JOB']);
    expect((await snapshot()).map(withoutMs)).toEqual(before.map(withoutMs));
    expect((await stat(sidecar('3.jpg.xmp'))).mtimeMs).toBe(1e12);
    expect(await journal().jobs()).toEqual([]);
  });

  it('takes only its own keywords from a sidecar that another program has changed since', async () => {
    await tag([await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'dog')]);
    const rated = (await read('a.jpg.xmp')).replace('rdf:about=""', 'rdf:about="" xmp:Rating="5"');
    await writeFile(sidecar('a.jpg.xmp'), rated);
    expect(kinds(await undo())).toEqual(['deleted', 'removed']);
    expect(await read('a.jpg.xmp')).toBe(
      EMPTY_SIDECAR.replace('rdf:about=""', 'rdf:about="" xmp:Rating="5"'),
    );
  });

  it('of an earlier job leaves the tags of a later one', async () => {
    await tag([await labelled('a.jpg', 'tabby')], { job: 'FIRST' });
    await tag([await labelled('a.jpg', 'dog')], { job: 'SECOND' });
    const before = await read('a.jpg.xmp');
    expect(kinds(await undo(['FIRST']))).toEqual(['nothing']);
    expect(await read('a.jpg.xmp')).toBe(before);
    await undo(['SECOND']);
    expect(await read('a.jpg.xmp')).toContain('imgcls|tabby');
  });

  it('of some photographs leaves the others, and can be done later', async () => {
    await tag([await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'dog')]);
    await undo(['JOB'], ({ photo }) => photo.endsWith('a.jpg'));
    expect(await readdir(photos)).toEqual(['a.jpg', 'b.jpg', 'b.jpg.xmp']);
    await undo();
    expect(await readdir(photos)).toEqual(['a.jpg', 'b.jpg']);
  });

  it('waits while photographs and sidecars are elsewhere, as after "imgcls sort --move"', async () => {
    const names = ['a.jpg', 'a.jpg.xmp'];
    await tag([await labelled('a.jpg', 'tabby')]);
    for (const name of names) await rename(sidecar(name), path.join(folder, name));
    expect(await undo()).toMatchObject([{ kind: 'skipped', file: sidecar('a.jpg') }]);
    for (const name of names) await rename(path.join(folder, name), sidecar(name));
    expect(kinds(await undo())).toEqual(['deleted']);
    expect(await readdir(photos)).toEqual(['a.jpg']);
  });

  it('works after a kill at any moment: before the change, or with half a line in the journal', async () => {
    await tag([await labelled('a.jpg', 'tabby'), await labelled('b.jpg', 'dog')]);
    const file = path.join(folder, 'tags', 'JOB.ndjson');
    const text = await readFile(file, 'utf8');
    // The journal was written, and the sidecar of b.jpg was not.
    await rm(sidecar('b.jpg.xmp'));
    await writeFile(file, text.slice(0, -20));
    const half = sidecar('.b.jpg.xmp.imgcls');
    await writeFile(half, '<x:xmp');
    expect(await tag([await labelled('b.jpg', 'dog')])).toMatchObject([{ kind: 'skipped' }]);
    await utimes(half, 1e9, 1e9);
    await tag([await labelled('b.jpg', 'dog')]);
    expect(kinds(await undo())).toEqual(['deleted', 'deleted']);
    expect(await readdir(photos)).toEqual(['a.jpg', 'b.jpg']);
  });
});

const withoutMs = (line: string) => line.replace(/^(\S+) \S+/, '$1');
