/** Turns errors of SQLite and the file system into errors of ours, with a kind (who can fix it) and a hint (how). */
import { accessSync, constants } from 'node:fs';
import { dirname } from 'node:path';
import { DiskFullError, ImgclsError } from '../core/runtime/errors.ts';

/** SQLite's primary result codes (https://sqlite.org/rescode.html). */
const BUSY = 5;
const LOCKED = 6;
const READONLY = 8;
const IOERR = 10;
const CORRUPT = 11;
const FULL = 13;
const CANTOPEN = 14;
const NOTADB = 26;

/** The primary result code of an error of node:sqlite; `errcode` has the extended one. */
function resultCode(error: unknown): number | undefined {
  const { code, errcode } = error as { code?: unknown; errcode?: unknown };
  return code === 'ERR_SQLITE_ERROR' && typeof errcode === 'number' ? errcode & 0xff : undefined;
}

/** Another process holds the lock: a retry can succeed. */
export function isBusy(error: unknown): boolean {
  const code = resultCode(error);
  return code === BUSY || code === LOCKED;
}

/** Whether the file system reports that the file does not exist. */
export function isMissingFile(error: unknown): boolean {
  return (error as { code?: unknown } | null)?.code === 'ENOENT';
}

/** What SQLite's own check of its pages found, as the error that a query of such a page would have got. */
export const damagedPages = (found: string): Error =>
  Object.assign(new Error(found), { code: 'ERR_SQLITE_ERROR', errcode: CORRUPT });

type Fault = readonly [kind: 'transient' | 'permanent', problem: string, hint?: string];

const FULL_DISK: Fault = ['permanent', 'the disk is full'];
const NOT_WRITABLE: Fault = [
  'permanent',
  'the data folder cannot be written',
  'Give this user write access to the folder, or set IMGCLS_DATA_DIR to another folder.',
];
const NO_FOLDER: Fault = [
  'permanent',
  'the data folder is a file, not a folder',
  'Move the file away, or set IMGCLS_DATA_DIR to another folder.',
];
const CANNOT_CREATE: Fault = [
  'permanent',
  'the data folder cannot be created',
  'Set IMGCLS_DATA_DIR to another folder.',
];
const READ_ONLY_DISK: Fault = [
  'permanent',
  'the data folder cannot be written: its disk is mounted read-only',
  'Mount it for writing, or set IMGCLS_DATA_DIR to another folder. Systems remount a disk read-only when it has errors.',
];
const DAMAGED: Fault = [
  'permanent',
  'a page of the database is damaged',
  'Stop imgcls. Restore a backup of the data folder, or move the folder away to start with an empty one. Check the disk.',
];
const TOO_MANY_FILES: Fault = [
  'transient',
  'too many files are open',
  'End other programs, or raise the limit of this user ("ulimit -n 1024").',
];
const BUSY_DATABASE: Fault = [
  'transient',
  'another process has locked the database for too long',
  'Another command writes much, or the disk is slow. Try again. Give the data folder a local disk, not a network share.',
];

const SQLITE_FAULTS: Readonly<Record<number, Fault>> = {
  [BUSY]: BUSY_DATABASE,
  [LOCKED]: BUSY_DATABASE,
  [READONLY]: NOT_WRITABLE,
  [IOERR]: ['permanent', 'the disk reported an error', 'Check the disk of the data folder.'],
  [CORRUPT]: DAMAGED,
  [FULL]: FULL_DISK,
  [CANTOPEN]: ['permanent', 'the database cannot be opened', 'Check that this user may use the data folder.'],
  [NOTADB]: DAMAGED,
};

const FILE_FAULTS: Readonly<Record<string, Fault>> = {
  ENOSPC: FULL_DISK,
  EDQUOT: FULL_DISK,
  EROFS: READ_ONLY_DISK,
  ENOENT: CANNOT_CREATE,
  EACCES: NOT_WRITABLE,
  EPERM: NOT_WRITABLE,
  ENOTDIR: NO_FOLDER,
  EEXIST: NO_FOLDER,
  EMFILE: TOO_MANY_FILES,
  ENFILE: TOO_MANY_FILES,
  EIO: ['permanent', 'the disk reported an error', 'Check the disk of the data folder.'],
};

/** SQLite reports these codes for a folder without write access and for other faults, so check the folder too. */
const AMBIGUOUS: readonly (number | undefined)[] = [READONLY, IOERR, CANTOPEN];

const fileFault = (error: unknown): Fault | undefined =>
  FILE_FAULTS[String((error as { code?: unknown } | null)?.code)];

function folderFault(folder: string): Fault | undefined {
  try {
    accessSync(folder, constants.R_OK | constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return fileFault(error);
  }
}

/**
 * Turns errors of SQLite and the file system into an ImgclsError; returns any other error (an abort) unchanged.
 * @param where the file or folder in use.
 */
export function toFault(error: unknown, where: string): unknown {
  if (error instanceof ImgclsError) return error;
  const code = resultCode(error);
  const isAmbiguous = AMBIGUOUS.includes(code);
  const fault =
    code === undefined
      ? fileFault(error)
      : ((isAmbiguous ? folderFault(dirname(where)) : undefined) ?? SQLITE_FAULTS[code]);
  if (fault !== undefined) {
    const [kind, problem, hint] = fault;
    const message = `The embedded cloud in ${where} failed: ${problem}.`;
    if (fault === FULL_DISK) return new DiskFullError(message, error);
    return new ImgclsError(kind, message, {
      cause: error,
      ...(hint === undefined ? {} : { hint }),
    });
  }
  return code === undefined
    ? error
    : new ImgclsError('permanent', `The embedded cloud in ${where} failed: ${(error as Error).message}.`, {
        cause: error,
      });
}
