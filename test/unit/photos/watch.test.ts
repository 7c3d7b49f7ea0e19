import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { watch as watchCommand } from '../../../src/cli/photos/watch.ts';
import { FileJournal } from '../../../src/photos/file-journal.ts';
import { runCommand } from '../../../src/photos/watch/run-command.ts';
import { SettledFiles } from '../../../src/photos/watch/settled-files.ts';
import { watchFolder } from '../../../src/photos/watch/watch-folder.ts';
import { WatchJournal, watchEntry } from '../../../src/photos/watch/watch-journal.ts';

let folder: string;
let root: string;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-watch-'));
  root = path.join(folder, 'photos');
  await mkdir(root);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const put = (name: string, text: string) => writeFile(path.join(root, name), text);

describe('a file of a watched folder', () => {
  async function* found(files: Record<string, string>) {
    for (const [file, signature] of Object.entries(files)) yield { path: file, signature };
  }
  /** The names that are complete at a time. */
  const at = async (settled: SettledFiles, nowMs: number, files: Record<string, string>, isWhole = true) => {
    const ready = await settled.settled(found(files), { nowMs, limit: 10, isWhole: () => isWhole });
    for (const file of ready) settled.markHandled(file);
    return ready.map((file) => file.path);
  };

  it('is complete when it has not changed for the time, and is taken once', async () => {
    const settled = new SettledFiles(5000, []);
    expect(await at(settled, 0, { a: '1' })).toEqual([]);
    expect(await at(settled, 4000, { a: '2' })).toEqual([]);
    expect(await at(settled, 8999, { a: '2' })).toEqual([]);
    expect(await at(settled, 9000, { a: '2' })).toEqual(['a']);
    expect(await at(settled, 99_000, { a: '2' })).toEqual([]);
    expect(await at(settled, 99_000, { a: '3' })).toEqual([]);
    expect(await at(settled, 104_000, { a: '3' })).toEqual(['a']);
  });

  it('is new again after it was away, unless the folder could not be read', async () => {
    const settled = new SettledFiles(0, [{ path: 'a', signature: '1' }]);
    await at(settled, 0, {}, false);
    expect(await at(settled, 1, { a: '1' })).toEqual([]);
    await at(settled, 2, {});
    expect(await at(settled, 3, { a: '1' })).toEqual(['a']);
  });
});

/** Runs a watch on time that passes at once, until `steps` sleeps are over; each step may change the folder. */
async function watch(steps: (() => Promise<unknown>)[], { canLabel = async () => true } = {}) {
  const ended = new AbortController();
  const events: string[] = [];
  let nowMs = 0;
  const clock = {
    nowMs: () => nowMs,
    monotonicMs: () => nowMs,
    async sleep(ms: number) {
      nowMs += ms;
      await steps.shift()?.();
      if (steps.length === 0) ended.abort();
    },
  };
  await watchFolder({
    root,
    include: [],
    exclude: [],
    leaveOut: [path.join(root, 'sorted')],
    settleMs: 1000,
    journal: new WatchJournal(new FileJournal(path.join(folder, 'watched'), watchEntry), 'photos'),
    actions: {
      newId: ulid,
      async label(_job, paths) {
        const isDone = await canLabel();
        const names = paths.map((each) => path.relative(root, each)).join();
        events.push(`${isDone ? 'labelled' : 'not labelled'} ${names}`);
        return isDone;
      },
      async resume() {
        events.push('resumed');
        return true;
      },
    },
    clock,
    random: Math.random,
    onUnreadable: (file) => events.push(`unreadable ${path.relative(root, file)}`),
    signal: ended.signal,
  }).catch((error) => {
    if (!ended.signal.aborted) throw error;
  });
  return events;
}

const nothing = async () => {};
const pause = (times: number) => Array.from({ length: times }, () => nothing);

describe('watching a folder', () => {
  it('labels what is there and what comes, many files in one job', async () => {
    await put('a.jpg', 'a');
    await put('b.jpg', 'b');
    await put('notes.txt', 'no image');
    await mkdir(path.join(root, 'sorted'));
    await put('sorted/a.jpg', 'a');
    await symlink('..', path.join(root, 'loop.jpg'));
    const growing = ['1', '12', '123'].map((text) => () => put('c.jpg', text));
    expect(await watch([...pause(3), ...growing, ...pause(4)])).toEqual([
      'labelled a.jpg,b.jpg',
      'labelled c.jpg',
    ]);
  });

  it('goes on where it was, with what has changed meanwhile and what was not done', async () => {
    await put('a.jpg', 'a');
    await put('b.jpg', 'b');
    await watch(pause(4));
    await put('b.jpg', 'other');
    await expect(watch(pause(4), { canLabel: () => Promise.reject(new Error('killed')) })).rejects.toThrow(
      'killed',
    );
    await put('c.jpg', 'c');
    expect(await watch(pause(4))).toEqual(['resumed', 'labelled c.jpg']);
    expect(await watch(pause(4))).toEqual([]);
  });

  it('looks again when files vanish before they are labelled, and ignores empty ones', async () => {
    await put('a.jpg', 'a');
    await put('empty.jpg', '');
    const canLabel = async () => {
      await rename(path.join(root, 'a.jpg'), path.join(root, 'b.jpg'));
      return false;
    };
    let calls = 0;
    expect(
      await watch(pause(8), { canLabel: () => (calls++ === 0 ? canLabel() : Promise.resolve(true)) }),
    ).toEqual(['not labelled a.jpg', 'labelled b.jpg']);
  });

  it('says once that its folder cannot be read, and takes no file twice when it is back', async () => {
    await put('a.jpg', 'a');
    const away = path.join(folder, 'away');
    const events = await watch([
      ...pause(3),
      () => rename(root, away),
      ...pause(3),
      () => rename(away, root),
      ...pause(3),
    ]);
    expect(events).toEqual(['labelled a.jpg', 'unreadable ']);
  });
});

it.each(['copy', 'move'])('is not watched with --%s and no folder to sort into', async (mode) => {
  const flags = { [mode]: true, level: 'class', minScore: 0.5, format: 'lines' } as const;
  await expect(watchCommand(folder, flags)).rejects.toThrow(`Cannot use --${mode} without --sort.`);
});

describe('a program for each photograph', () => {
  const run = (command: string, file: string) =>
    runCommand(command, { path: file, json: '{"label":"tabby"}', signal: new AbortController().signal });

  it('gets the path as one argument and the labels on standard input; no shell reads them', async () => {
    const program = path.join(folder, 'program.sh');
    const seen = path.join(folder, 'seen');
    await writeFile(program, `#!/bin/sh\n{ echo "$# $1"; cat; } > '${seen}'\n`, { mode: 0o755 });
    const name = `${folder}/a $(touch injected); "b'.jpg`;
    expect(await run(program, name)).toBeUndefined();
    expect(await readFile(seen, 'utf8')).toBe(`1 ${name}\n{"label":"tabby"}\n`);
    expect(await readdir(folder)).toEqual(['photos', 'program.sh', 'seen']);
  });

  it('that fails is reported with the reason', async () => {
    expect(await run('false', 'a.jpg')).toBe('exit code 1');
    expect(await run(path.join(folder, 'nothing'), 'a.jpg')).toBe('there is no such program');
  });
});
