import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { isBusy, toFault } from '../../../src/local/faults.ts';

/** The error that SQLite throws in `run`. */
function thrownBy(run: (db: DatabaseSync) => void): unknown {
  const db = new DatabaseSync(':memory:');
  db.exec('CREATE TABLE t (x)');
  try {
    run(db);
  } catch (error) {
    return error;
  } finally {
    db.close();
  }
  throw new Error('nothing was thrown');
}

const fileError = (code: string): Error => Object.assign(new Error(code), { code });

describe('faults of the embedded cloud', () => {
  it('a full disk is permanent, with a hint and its cause', () => {
    const cause = thrownBy((db) => {
      db.exec('PRAGMA max_page_count = 2');
      db.prepare('INSERT INTO t VALUES (?)').run('x'.repeat(100_000));
    });
    const fault = toFault(cause, '/data');
    expect(fault).toBeInstanceOf(ImgclsError);
    expect(fault).toMatchObject({
      kind: 'permanent',
      message: 'The embedded cloud in /data failed: the disk is full.',
      hint: expect.stringContaining('Free some space'),
      cause,
    });
  });

  it('a read-only database is permanent', () => {
    const cause = thrownBy((db) => {
      db.exec('PRAGMA query_only = ON; INSERT INTO t VALUES (1)');
    });
    expect(toFault(cause, '/data')).toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('cannot be written'),
    });
  });

  it.each([
    ['busy', 5, 'transient'],
    ['busy, in its extended form', 5 + (2 << 8), 'transient'],
    ['locked', 6, 'transient'],
    ['damaged', 11, 'permanent'],
    ['no database', 26, 'permanent'],
    ['something new', 99, 'permanent'],
  ])('SQLite says %s (%d): %s', (_what, errcode, kind) => {
    const error = Object.assign(new Error('x'), { code: 'ERR_SQLITE_ERROR', errcode });
    expect(toFault(error, '/data')).toMatchObject({ kind });
    expect(isBusy(error)).toBe(kind === 'transient');
  });

  it.each([
    ['ENOSPC', 'permanent', 'the disk is full'],
    ['EROFS', 'permanent', 'cannot be written'],
    ['EACCES', 'permanent', 'cannot be written'],
    ['ENOENT', 'permanent', 'cannot be created'],
    ['ENOTDIR', 'permanent', 'is a file, not a folder'],
    ['EEXIST', 'permanent', 'is a file, not a folder'],
    ['EMFILE', 'transient', 'too many files'],
  ])('the file system says %s: %s', (code, kind, message) => {
    expect(toFault(fileError(code), '/data')).toMatchObject({
      kind,
      message: expect.stringContaining(message),
    });
  });

  it('returns other errors unchanged', () => {
    const abort = new DOMException('stop', 'AbortError');
    const refusal = new ImgclsError('usage', 'no');
    expect(toFault(abort, '/data')).toBe(abort);
    expect(toFault(refusal, '/data')).toBe(refusal);
  });
});
