import { spawnSync } from 'node:child_process';
import { chmod, mkdtemp, readdir, rm, stat } from 'node:fs/promises';
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
    db = LocalDatabase.open(join(folder, 'cloud.db'), 'boot');
  });
  afterEach(async () => {
    await db.close();
    await rm(folder, { recursive: true });
  });

  const insert = (file: string) => db.sql('INSERT INTO doomed_files (file) VALUES (?)').run(file);
  const inserted = () =>
    db.read(() =>
      db
        .sql('SELECT file FROM doomed_files ORDER BY file')
        .all()
        .map(({ file }) => file),
    );

  it('rolls back only the write that threw an error of ours', async () => {
    const results = await Promise.allSettled([
      db.write(() => insert('a')),
      db.write(() => {
        insert('b');
        throw new ImgclsError('usage', 'refused');
      }),
      db.write(() => insert('c')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(await inserted()).toEqual(['a', 'c']);
  });

  it('rolls back all of them when the database fails, and continues afterwards', async () => {
    const results = await Promise.allSettled([
      db.write(() => insert('a')),
      // The same key twice violates a constraint.
      db.write(() => insert('a')),
    ]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await inserted()).toEqual([]);
    await db.write(() => insert('b'));
    expect(await inserted()).toEqual(['b']);
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
    while (!turned && performance.now() < giveUpAt) await inserted();
    expect(turned).toBe(true);
  });

  it('finishes writes in progress before it closes', async () => {
    const writing = db.write(() => insert('a'));
    await db.close();
    await writing;
    db = LocalDatabase.open(join(folder, 'cloud.db'), 'boot');
    expect(await inserted()).toEqual(['a']);
  });

  it('is readable by its user only, in a folder that others may read too', async () => {
    await chmod(folder, 0o755);
    await db.write(() => insert('a'));
    for (const name of await readdir(folder)) {
      const { mode } = await stat(join(folder, name));
      expect((mode & 0o777).toString(8), name).toBe('600');
    }
  });

  it.skipIf(process.platform !== 'linux')('fails at once where no folder can be created', () => {
    expect(() => LocalDatabase.open('/proc/imgcls/default/cloud.db', 'boot')).toThrow(
      /the data folder cannot be created/,
    );
  });

  it("suppresses only SQLite's own warning", () => {
    const script = `await import(${JSON.stringify(new URL('../../../src/local/sqlite.ts', import.meta.url).href)});
      process.emitWarning('another warning');`;
    const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
      encoding: 'utf8',
    });
    expect(stderr).toContain('another warning');
    expect(stderr).not.toContain('SQLite');
  });
});
