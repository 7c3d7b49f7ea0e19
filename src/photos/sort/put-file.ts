import { constants } from 'node:fs';
import {
  copyFile,
  link,
  open,
  readlink,
  realpath,
  rename,
  rm,
  stat,
  symlink,
  unlink,
  utimes,
} from 'node:fs/promises';
import path from 'node:path';
import { syncFolder } from '../file-journal.ts';
import { sha256Of } from '../labelled-files.ts';
import { stagedPath } from '../staged-file.ts';
import type { FileStep } from './sort-journal.ts';

/** How file systems say that they do not have links of a kind, or not for this user. */
const NO_LINKS = new Set(['EPERM', 'EACCES', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EINVAL']);

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? '';

/** Makes the file `to`. Replaces nothing. @throws errors of the file system; `EEXIST` if there is such a file. */
export function putFile({ mode, from, to, sha256 }: FileStep): Promise<void> {
  if (mode === 'link') return linkFile(from, to);
  return mode === 'copy' ? copyTo(from, to, sha256) : moveFile(from, to, sha256);
}

/** A symbolic link or, where there is none, as on memory cards and for users of Windows, a hard one. */
async function linkFile(from: string, to: string): Promise<void> {
  try {
    await symlink(from, to);
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error))) throw error;
    await link(from, to);
  }
}

/** Copies into a file with another name, which gets its own when it is complete. Clones where the disk can. */
async function copyTo(from: string, to: string, sha256: string | undefined): Promise<void> {
  const staged = stagedPath(to);
  await rm(staged, { force: true });
  try {
    const { mtimeMs } = await stat(from);
    await copyFile(from, staged, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    await utimes(staged, mtimeMs / 1000, mtimeMs / 1000).catch(() => {});
    await sync(staged);
    if (sha256 !== undefined && (await sha256Of(staged)) !== sha256)
      throw new Error(`${from} changed while it was copied`);
    await renameToNew(staged, to);
  } finally {
    await rm(staged, { force: true });
  }
}

async function sync(file: string): Promise<void> {
  const opened = await open(file, 'r');
  try {
    await opened.sync();
  } finally {
    await opened.close();
  }
}

/** Moves a file, to another disk as well: there it is copied, the copy is checked, and only then the file is deleted. */
export async function moveFile(from: string, to: string, sha256: string | undefined): Promise<void> {
  try {
    await renameToNew(from, to);
  } catch (error) {
    if (codeOf(error) !== 'EXDEV') throw error;
    await copyTo(from, to, sha256 ?? (await sha256Of(from)));
    await syncFolder(path.dirname(to));
    await removeOld(from, to);
  }
}

/** A rename that replaces no file, which a plain one does. */
async function renameToNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!NO_LINKS.has(codeOf(error))) throw error;
    await renameToReserved(from, to);
    return;
  }
  await removeOld(from, to);
}

/** Ends a move. A file whose old name must stay, as in a folder that is read-only, does not get the new one. */
async function removeOld(from: string, to: string): Promise<void> {
  try {
    await unlink(from);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}

/** Without hard links: the name is taken by an empty file, which the rename replaces. */
async function renameToReserved(from: string, to: string): Promise<void> {
  await (await open(to, 'wx')).close();
  try {
    await rename(from, to);
  } catch (error) {
    await rm(to, { force: true });
    throw error;
  }
}

/** Whether `to` is what this step makes of `from`. */
export async function isDone({ mode, from, to, sha256 }: FileStep): Promise<boolean> {
  const target = await readlink(to).catch(() => undefined);
  if (target !== undefined) return mode === 'link' && target === from;
  if (await isSameFile(from, to)) return true;
  return mode === 'copy' && sha256 !== undefined && (await sha256Of(to).catch(() => '')) === sha256;
}

/** Whether both paths lead to one file: by hard links, or by different ways to one name. */
async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map(statIfThere));
  return a !== undefined && a.ino === b?.ino && a.dev === b.dev;
}

/** Whether a move ended before it deleted the old name: both are of one file or, on two disks, of a file and its whole copy. */
export async function isCutOffMove({ from, to, sha256 }: FileStep): Promise<boolean> {
  if (await isSameFile(from, to)) return await areTwoNames(from, to);
  const contents = await Promise.all([from, to].map((file) => sha256Of(file).catch(() => undefined)));
  return sha256 !== undefined && contents.every((content) => content === sha256);
}

const statIfThere = (file: string) => stat(file, { bigint: true }).catch(() => undefined);

/** Whether a file has two names, and these are they: then one of them can be deleted. */
export async function areTwoNames(one: string, other: string): Promise<boolean> {
  if (!(await isSameFile(one, other))) return false;
  const names = await Promise.all([one, other].map(entryOf));
  const found = await statIfThere(one);
  return names[0] !== names[1] && (found?.nlink ?? 0n) > 1n;
}

const entryOf = async (file: string): Promise<string> =>
  path.join(await realpath(path.dirname(file)), path.basename(file));
