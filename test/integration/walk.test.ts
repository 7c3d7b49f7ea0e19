import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Store } from '../../src/core/cloud/ports.ts';
import type { Input, Skipped } from '../../src/upload/inputs.ts';
import { OTHER_NAME, walkInputs } from '../../src/upload/walk.ts';
import { virtualClock } from '../unit/virtual-clock.ts';
import { asNobody } from './as-nobody.ts';

describe('upload takes', () => {
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
    {
      stdin = '' as string | Buffer,
      include = [] as string[],
      exclude = [] as string[],
      keys = undefined as string[] | undefined,
    } = {},
  ) {
    const found: Input[] = [];
    const options = {
      include,
      exclude,
      stdin: Readable.from([stdin]),
      bucket: () => {
        if (keys === undefined) throw new Error('no bucket in this test');
        return { list: () => keys.map((key) => ({ key, etag: 'e', bytes: 1 })) } as unknown as Store;
      },
      onSkip: (skip: Skipped) => void skipped.push(skip),
      clock: virtualClock(),
      random: Math.random,
    };
    for await (const input of walkInputs(inputs, options)) found.push(input);
    return found;
  }
  const names = (inputs: Input[]) => inputs.map(({ name }) => name);

  it('the paths of a list that are separated by NUL, whatever else is in them', async () => {
    const odd = path.join(folder, 'two\nlines.jpg');
    const stdin = `${path.join(folder, 'a.jpg')}\0${odd}\0`;
    await file('a.jpg');
    await file('two\nlines.jpg');
    expect(names(await walk(['-'], { stdin }))).toEqual([path.join(folder, 'a.jpg'), odd]);
  });

  it('the paths of a list whose names are not UTF-8', async () => {
    const odd = Buffer.concat([Buffer.from(`${folder}/caf`), Buffer.from([0xe9]), Buffer.from('.jpg')]);
    await writeFile(odd, 'x');
    const stdin = Buffer.concat([Buffer.from(`${folder}/größe.jpg\n`), odd, Buffer.from('\n')]);
    await file('größe.jpg');
    const found = await walk(['-'], { stdin });
    expect(names(found)).toEqual([`${folder}/größe.jpg`, `${folder}/caf\ufffd.jpg`]);
    expect(found[1]).toMatchObject({ kind: 'file', path: odd });
  });

  it('none of the files beside images that a shell glob names, as in a folder', async () => {
    for (const name of ['a.jpg', 'a.xmp', 'Thumbs.db']) await file(name);
    const named = ['Thumbs.db', 'a.jpg', 'a.xmp'].map((name) => path.join(folder, name));
    expect(names(await walk(named))).toEqual([path.join(folder, 'a.jpg')]);
    expect(skipped.map(({ reason }) => reason)).toEqual([OTHER_NAME, OTHER_NAME]);
    expect(names(await walk([path.join(folder, 'a.xmp')])), 'one alone is meant').toHaveLength(1);
  });

  it('no thumbnails, deleted files and other things of a system, in a folder or in a bucket', async () => {
    const taken = ['a.jpg', 'recycled/b.jpg'];
    const left = [
      '@eaDir/a.jpg/SYNOPHOTO_THUMB_M.jpg',
      '#recycle/c.jpg',
      '$RECYCLE.BIN/d.jpg',
      '__MACOSX/e.jpg',
      'x/._f.jpg',
    ];
    for (const name of [...taken, ...left]) await file(name);
    expect(names(await walk([folder]))).toEqual(taken);
    expect(new Set(skipped.map(({ reason }) => reason))).toEqual(
      new Set(['a folder of the system', 'hidden']),
    );
    expect(
      names(await walk(['s3://photos/2024/'], { keys: [...taken, ...left].map((name) => `2024/${name}`) })),
    ).toEqual(taken);
    // What is named in full is taken.
    expect(names(await walk(['s3://photos/x/._f.jpg'], { keys: ['x/._f.jpg'] }))).toEqual(['._f.jpg']);
  });

  it('keys of a bucket with parts that a file system would resolve', async () => {
    const keys = ['a/../b.jpg', './c.jpg', 'a//d.jpg', '../e.txt'];
    expect(names(await walk(['s3://photos'], { keys }))).toEqual(keys.slice(0, 3));
    expect(skipped).toEqual([{ source: 's3://photos/../e.txt', reason: 'not an image file name' }]);
  });

  it('files and folders whose names are not UTF-8', async () => {
    const latin1 = (name: string) => Buffer.concat([Buffer.from(`${folder}/`), Buffer.from(name, 'latin1')]);
    await mkdir(latin1('été'));
    await writeFile(latin1('été/café.jpg'), 'x');
    await writeFile(latin1('naïve.jpg'), 'x');
    await file('z.jpg');
    const found = await walk([folder]);
    expect(names(found)).toEqual(['na\ufffdve.jpg', 'z.jpg', '\ufffdt\ufffd/caf\ufffd.jpg']);
    for (const input of found) expect(input.kind === 'file' && readFileSync(input.path, 'utf8')).toBe('x');
  });

  it('a folder: its images, all the way down, in stable order, by their path in it', async () => {
    for (const name of ['b.jpg', 'a/z.png', 'a/B.JPG', 'a.jpg', 'notes.txt', '.hidden.jpg']) await file(name);
    expect(names(await walk([folder]))).toEqual(['a/B.JPG', 'a/z.png', 'a.jpg', 'b.jpg']);
    expect(skipped.map(({ source, reason }) => [path.basename(source), reason])).toEqual([
      ['.hidden.jpg', 'hidden'],
      ['notes.txt', 'not an image file name'],
    ]);
  });

  it('two folders: their images under the names of the folders, so that names differ', async () => {
    for (const name of ['one/a.jpg', 'two/a.jpg']) await file(name);
    const [one, two] = [path.join(folder, 'one'), path.join(folder, 'two')];
    expect(names(await walk([one, two]))).toEqual([`${one}/a.jpg`, `${two}/a.jpg`]);
  });

  it('a file that is given, whatever its name', async () => {
    await file('picture');
    expect(names(await walk([path.join(folder, 'picture')]))).toEqual([path.join(folder, 'picture')]);
  });

  it('a file whose name looks like a glob', async () => {
    await file('[1].jpg');
    expect(await walk([path.join(folder, '[1].jpg')])).toHaveLength(1);
  });

  it('web addresses, given or in a list, whatever their names', async () => {
    const given = ['https://example.org/a.jpg', 'http://nas.local:8080/photo?id=1'];
    const all = [...given, 'https://example.org/a.jpg'];
    await file('b.jpg');
    const stdin = [...all, path.join(folder, 'b.jpg')].join('\n');
    expect(await walk(given)).toEqual(given.map((url) => ({ kind: 'url', name: url, source: url, url })));
    expect(names(await walk(['-'], { stdin }))).toEqual([...all, path.join(folder, 'b.jpg')]);
    expect(skipped).toEqual([]);
  });

  it('no web address with a password, and says so', async () => {
    await expect(walk(['https://ada:secret@example.org/a.jpg'])).rejects.toThrow(
      'has a user name or password',
    );
  });

  it('a glob, at any depth of its pattern', async () => {
    for (const name of ['x/a.jpg', 'x/y/b.jpg', 'x/c.png']) await file(name);
    expect(await walk([`${folder}/x/*.jpg`])).toHaveLength(1);
    expect(await walk([`${folder}/x/**/*.jpg`])).toHaveLength(2);
  });

  it('a list on standard input, in its order; a missing file is an outcome, not the end', async () => {
    for (const name of ['b.jpg', 'a.jpg']) await file(name);
    const lines = ['b.jpg', 'gone.jpg', 'a.jpg'].map((name) => path.join(folder, name));
    const found = await walk(['-'], { stdin: `${lines.join('\n')}\n` });
    expect(names(found)).toEqual(lines);
    expect(found[1]).toMatchObject({ kind: 'unreadable', error: { code: 'missing' } });
  });

  it('a glob: reports skipped matches, and nothing about files that do not match', async () => {
    for (const name of ['in/a.jpg', 'in/b.txt', 'in/.c.jpg', 'secret.jpg']) await file(name);
    await symlink(path.join(folder, 'secret.jpg'), path.join(folder, 'in', 'out.jpg'));
    expect(await walk([`${folder}/in/*.jpg`])).toHaveLength(1);
    expect(skipped).toEqual([
      { source: path.join(folder, 'in', 'out.jpg'), reason: 'link to a target outside the folder' },
    ]);
  });

  it('a list with any characters but LF in its names: every line is one path', async () => {
    const odd = ['return\rhere.jpg', 'line\u2028separator.jpg', 'ümlaut.jpg'];
    for (const name of odd) await file(name);
    const lines = odd.map((name) => path.join(folder, name));
    const found = await walk(['-'], { stdin: `${lines[0]}\n${lines[1]}\r\n${lines[2]}` });
    expect(found).toMatchObject(lines.map((name) => ({ kind: 'file', name })));
  });

  it('no list without line ends, which could fill the memory', async () => {
    await expect(walk(['-'], { stdin: 'x'.repeat(100_000) })).rejects.toThrow(
      /A line on standard input has more than 65536 bytes/,
    );
    await expect(walk(['-'], { stdin: '\0'.repeat(100_000) })).rejects.toThrow(
      /is not a list of paths: it has two NUL characters in a row/,
    );
  });

  it('a listed path that does not exist, as a missing image, also if it looks like a glob', async () => {
    const lines = ['photo (1).jpg', 'photo[2].jpg', '=cmd()'];
    const found = await walk(['-'], { stdin: lines.join('\n') });
    expect(found).toMatchObject(lines.map((name) => ({ name, error: { code: 'missing' } })));
    expect(skipped).toEqual([]);
  });

  it('a listed path that no file can have, as a missing image', async () => {
    const found = await walk(['-'], { stdin: `nul\0byte.jpg\n${'x'.repeat(5000)}.jpg\n` });
    expect(found.map((input) => input.kind === 'unreadable' && input.error.code)).toEqual([
      'missing',
      'missing',
    ]);
  });

  it('no link to a target outside the folder, no pipe, no broken link', async () => {
    await file('in/a.jpg');
    await file('secret.jpg');
    const inside = path.join(folder, 'in');
    await symlink('a.jpg', path.join(inside, 'link.jpg'));
    await symlink(path.join(folder, 'secret.jpg'), path.join(inside, 'out.jpg'));
    await symlink('nowhere', path.join(inside, 'void.jpg'));
    execFileSync('mkfifo', [path.join(inside, 'pipe.jpg')]);
    expect(names(await walk([inside]))).toEqual(['a.jpg', 'link.jpg']);
    expect(skipped.map(({ reason }) => reason)).toEqual([
      'link to a target outside the folder',
      'not a regular file',
      'broken link',
    ]);
  });

  it('a folder that cannot be read, as an image with an error: what is in it is not missed in silence', async () => {
    for (const name of ['a.jpg', 'locked/b.jpg', 'open/c.jpg']) await file(name);
    await symlink('locked/b.jpg', path.join(folder, 'link.jpg'));
    await chmod(folder, 0o755);
    await chmod(path.join(folder, 'locked'), 0);
    await asNobody(async () => {
      const found = await walk([folder]);
      expect(names(found)).toEqual(['a.jpg', 'link.jpg', 'locked', 'open/c.jpg']);
      const error = (what: string) => ({ code: 'unreadable', message: `Cannot ${what}: permission denied.` });
      expect(found[1]).toMatchObject({ kind: 'unreadable', error: error('follow the link') });
      expect(found[2]).toMatchObject({ kind: 'unreadable', error: error('read the folder') });
      expect(skipped).toEqual([]);
      expect(names(await walk([`${folder}/**/*.jpg`]))).toContain(path.join(folder, 'locked'));
      expect(names(await walk([path.join(folder, 'locked')]))).toEqual([path.join(folder, 'locked')]);
    });
  });

  it('no folder that cannot be read and is excluded', async () => {
    for (const name of ['a.jpg', 'locked/b.jpg']) await file(name);
    await chmod(folder, 0o755);
    await chmod(path.join(folder, 'locked'), 0);
    await asNobody(async () => {
      expect(names(await walk([folder], { exclude: ['locked/**'] }))).toEqual(['a.jpg']);
    });
    expect(skipped.map(({ reason }) => reason)).toEqual(['excluded by --exclude']);
  });

  it('nothing from photos-secret when photos is uploaded, though a link in photos leads there', async () => {
    for (const name of ['photos/a.jpg', 'photos-secret/private.jpg', 'photos.jpg']) await file(name);
    const photos = path.join(folder, 'photos');
    await symlink('../photos-secret/private.jpg', path.join(photos, 'link.jpg'));
    await symlink('../photos.jpg', path.join(photos, 'other.jpg'));
    await symlink('../photos-secret', path.join(photos, 'folder.jpg'));
    expect(names(await walk([photos]))).toEqual(['a.jpg']);
    expect(names(await walk([`${photos}/*.jpg`]))).toEqual([path.join(photos, 'a.jpg')]);
    expect(new Set(skipped.map(({ reason }) => reason))).toEqual(
      new Set(['link to a target outside the folder']),
    );
  });

  it('a name with a newline, a quote and an emoji, unchanged', async () => {
    await file('line\nbreak "q" 🐈.jpg');
    expect(names(await walk([folder]))).toEqual(['line\nbreak "q" 🐈.jpg']);
  });

  it('no missing path, and names it', async () => {
    for (const name of ['gone', 'gone (1).jpg']) {
      await expect(walk([path.join(folder, name)])).rejects.toThrow(/Cannot read .*gone/);
    }
  });
});
