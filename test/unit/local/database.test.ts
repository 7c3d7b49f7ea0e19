import { spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { LocalDatabase } from '../../../src/local/database.ts';

describe('writes that share a transaction', () => {
  let folder: string;
  let db: LocalDatabase;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imgcls-database-'));
    db = new LocalDatabase(join(folder, 'cloud.db'));
  });
  afterEach(async () => {
    await db.close();
    await rm(folder, { recursive: true });
  });

  const doom = (file: string) => db.sql('INSERT INTO doomed_files (file) VALUES (?)').run(file);
  const doomed = () =>
    db.read(() =>
      db
        .sql('SELECT file FROM doomed_files ORDER BY file')
        .all()
        .map(({ file }) => file),
    );

  it('undoes only the write that was refused', async () => {
    const results = await Promise.allSettled([
      db.write(() => doom('a')),
      db.write(() => {
        doom('b');
        throw new ImgclsError('usage', 'refused');
      }),
      db.write(() => doom('c')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await doomed()).toEqual(['a', 'c']);
  });

  it('undoes all of them when the database fails, and goes on afterwards', async () => {
    const results = await Promise.allSettled([
      db.write(() => doom('a')),
      // Twice the same: a constraint fails.
      db.write(() => doom('a')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await doomed()).toEqual([]);
    await db.write(() => doom('b'));
    expect(await doomed()).toEqual(['b']);
  });

  it('lets the event loop run while many writes wait', async () => {
    const slow = (): void => {
      const endAt = performance.now() + 2;
      while (performance.now() < endAt);
    };
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await Promise.all(Array.from({ length: 50 }, () => db.write(slow)));
    clearInterval(timer);
    expect(turns).toBeGreaterThan(5);
  });

  it('lets the event loop run during a loop of reads', async () => {
    let turned = false;
    setTimeout(() => {
      turned = true;
    }, 1);
    const giveUpAt = performance.now() + 5_000;
    while (!turned && performance.now() < giveUpAt) await doomed();
    expect(turned).toBe(true);
  });

  it('finishes the writes under way before it closes', async () => {
    const writing = db.write(() => doom('a'));
    await db.close();
    await writing;
    db = new LocalDatabase(join(folder, 'cloud.db'));
    expect(await doomed()).toEqual(['a']);
  });

  it('prints no warning of its own', () => {
    const script = `await import(${JSON.stringify(new URL('../../../src/local/sqlite.ts', import.meta.url).href)});
      process.emitWarning('heard');`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    expect(stderr).toContain('heard');
    expect(stderr).not.toContain('SQLite');
  });
});
