import { existsSync } from 'node:fs';
import path from 'node:path';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { FileJournal } from '../../photos/file-journal.ts';

/** What an undo is of: jobs, newest first, and in them all files or those in some folders. */
export interface UndoTarget {
  jobs: readonly string[];
  isInside(file: string): boolean;
}

/**
 * Finds what to undo: of a job by its id or first letters, of files and folders, or of the newest job.
 * @param doing such as `tag`, for the error.
 * @throws {ImgclsError} of kind `usage` when nothing was done there.
 */
export async function undoTarget(
  words: readonly string[],
  journal: Pick<FileJournal<object>, 'jobs'>,
  doing: string,
): Promise<UndoTarget> {
  const jobs = await journal.jobs();
  const [word] = words;
  if (word === undefined) return { jobs: some(jobs.slice(0, 1), doing), isInside: () => true };
  if (words.length > 1 || existsSync(word)) {
    const folders = words.map((each) => path.resolve(each));
    const isInside = (file: string) =>
      folders.some((folder) => file === folder || file.startsWith(folder + path.sep));
    return { jobs: some(jobs, doing), isInside };
  }
  const named = jobs.filter((job) => job.startsWith(word.toUpperCase()));
  if (named.length > 1)
    throw new ImgclsError('usage', `${named.length} jobs begin with ${word}.`, {
      hint: `Type more letters: ${named.join(', ')}`,
    });
  return { jobs: some(named, doing), isInside: () => true };
}

function some(jobs: readonly string[], doing: string): readonly string[] {
  if (jobs.length > 0) return jobs;
  throw new ImgclsError('usage', `There is nothing to undo: no such "imgcls ${doing}" has changed a file.`, {
    hint: 'Pass a job, or the folder of the photographs. "imgcls jobs" lists the jobs.',
  });
}
