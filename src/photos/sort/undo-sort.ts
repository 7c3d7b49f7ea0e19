import { lstat, readlink, rm, rmdir, unlink } from 'node:fs/promises';
import { readFault } from '../../core/runtime/errors.ts';
import type { FileJournal } from '../file-journal.ts';
import { sha256Of } from '../labelled-files.ts';
import { stagedPath } from '../staged-file.ts';
import { areTwoNames, isCutOffMove, moveFile } from './put-file.ts';
import type { FileStep, SortEntry } from './sort-journal.ts';

export interface UndoSortOptions {
  journal: FileJournal<SortEntry>;
  /** Which files are undone, by the places before and after. */
  isWanted(step: FileStep): boolean;
  /** Changes no file. */
  dryRun: boolean;
}

/** `removed`: a link or copy. `returned`: a moved file is back in its place. */
export type UndoSortResult =
  | { kind: 'removed' | 'returned'; file: string }
  | { kind: 'nothing' }
  | { kind: 'skipped'; file: string; why: string };

/** Undoes the steps of these jobs, the last one first. What could not be undone stays in the journal. */
export async function* undoSort(
  jobs: readonly string[],
  options: UndoSortOptions,
): AsyncGenerator<UndoSortResult> {
  const { journal, dryRun } = options;
  for (const job of jobs) {
    const entries = await journal.read(job);
    const kept = new Set<SortEntry>(entries.filter((entry) => 'to' in entry && !options.isWanted(entry)));
    for (const entry of entries.toReversed()) {
      if (kept.has(entry)) continue;
      if ('folder' in entry) {
        if (!dryRun && !(await removeIfEmpty(entry.folder))) kept.add(entry);
        continue;
      }
      const result = await undo(entry, dryRun).catch((error) => failed(entry, error));
      if (result.kind === 'skipped') kept.add(entry);
      yield result;
    }
    const rest = entries.filter((entry) => kept.has(entry));
    if (!dryRun) await journal.replace(job, rest.some((entry) => 'to' in entry) ? rest : []);
  }
}

/** @returns whether the folder is gone. */
const removeIfEmpty = (folder: string): Promise<boolean> =>
  rmdir(folder).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === 'ENOENT',
  );

function failed({ to }: FileStep, error: NodeJS.ErrnoException): UndoSortResult {
  if (error.syscall === undefined) throw error;
  return { kind: 'skipped', file: to, why: readFault(error) };
}

async function undo(step: FileStep, dryRun: boolean): Promise<UndoSortResult> {
  const { from, to } = step;
  if (!dryRun) await rm(stagedPath(to), { force: true });
  const found = await lstat(to).catch(() => undefined);
  if (found === undefined) return { kind: 'nothing' };
  const isOriginalThere = await isThere(from);
  // A step that was cut off has only taken the name.
  if (found.size === 0 && isOriginalThere) return await remove(to, dryRun);
  if (step.mode === 'move') return await moveBack(step, { isOriginalThere, dryRun });
  const why = step.mode === 'copy' ? await whyCopyStays(step) : await whyLinkStays(step);
  return why === undefined ? await remove(to, dryRun) : { kind: 'skipped', file: to, why };
}

const isThere = (file: string): Promise<boolean> =>
  lstat(file).then(
    () => true,
    () => false,
  );

async function remove(file: string, dryRun: boolean): Promise<UndoSortResult> {
  if (!dryRun) await unlink(file);
  return { kind: 'removed', file };
}

async function whyLinkStays({ from, to }: FileStep): Promise<string | undefined> {
  const isLink = (await readlink(to).catch(() => undefined)) === from || (await areTwoNames(from, to));
  return isLink ? undefined : 'it is no longer the link to its photograph';
}

async function whyCopyStays({ from, to, sha256 }: FileStep): Promise<string | undefined> {
  if ((await sha256Of(to)) !== sha256) return 'it has changed since';
  const isOriginalSame = (await sha256Of(from).catch(() => undefined)) === sha256;
  return isOriginalSame ? undefined : 'its original is gone or has changed, so that it may be the only copy';
}

async function moveBack(
  step: FileStep,
  { isOriginalThere, dryRun }: { isOriginalThere: boolean; dryRun: boolean },
): Promise<UndoSortResult> {
  const { from, to } = step;
  if (!isOriginalThere) {
    if (!dryRun) await moveFile(to, from, undefined);
    return { kind: 'returned', file: from };
  }
  if (!(await isCutOffMove(step)))
    return { kind: 'skipped', file: to, why: 'another file has taken its old place' };
  if (!dryRun) await unlink(to);
  return { kind: 'returned', file: from };
}
