import * as z from 'zod';
import { jobId } from '../../core/job/job.ts';
import { FORMAT, formatVersion } from '../../core/runtime/versioned.ts';
import type { FileJournal } from '../file-journal.ts';
import type { FoundFile } from './settled-files.ts';

const files = z.array(z.object({ path: z.string(), signature: z.string() }));

/** `job` with `files`: it labels them. `job` alone: it is done, and so is what was to be done with its labels. */
export const watchEntry = z.object({
  v: formatVersion,
  job: jobId.optional(),
  /** Without a job: files that jobs have labelled. */
  files: files.optional(),
});
export type WatchEntry = z.infer<typeof watchEntry>;

/** What an earlier watch of the folder has left. */
export interface WatchState {
  handled: FoundFile[];
  /** Jobs that were begun and not done, oldest first. */
  begun: { job: string; files: FoundFile[] }[];
}

/** Files in one line of a journal. */
const FILES_PER_LINE = 1000;

/** What the watches of one folder have done. */
export class WatchJournal {
  readonly #journal: FileJournal<WatchEntry>;
  readonly #folder: string;

  /** @param folder names the journal of the folder. */
  constructor(journal: FileJournal<WatchEntry>, folder: string) {
    this.#journal = journal;
    this.#folder = folder;
  }

  begin = (job: string, found: readonly FoundFile[]): Promise<void> =>
    this.#journal.append(this.#folder, [{ v: FORMAT, job, files: [...found] }]);

  end = (job: string): Promise<void> => this.#journal.append(this.#folder, [{ v: FORMAT, job }]);

  /** Reads the state, and rewrites it without what is no longer needed: the journal does not grow for ever. */
  async open(): Promise<WatchState> {
    const handled = new Map<string, string>();
    const begun = new Map<string, FoundFile[]>();
    const handle = (done: readonly FoundFile[] = []) => {
      for (const { path, signature } of done) handled.set(path, signature);
    };
    for (const { job, files: of } of await this.#journal.read(this.#folder)) {
      if (job === undefined) handle(of);
      else if (of !== undefined) begun.set(job, of);
      else {
        handle(begun.get(job));
        begun.delete(job);
      }
    }
    const state: WatchState = {
      handled: Array.from(handled, ([path, signature]) => ({ path, signature })),
      begun: Array.from(begun, ([job, of]) => ({ job, files: of })),
    };
    await this.#journal.replace(this.#folder, entriesOf(state));
    return state;
  }
}

function entriesOf({ handled, begun }: WatchState): WatchEntry[] {
  const entries: WatchEntry[] = [];
  for (let at = 0; at < handled.length; at += FILES_PER_LINE)
    entries.push({ v: FORMAT, files: handled.slice(at, at + FILES_PER_LINE) });
  return [...entries, ...begun.map(({ job, files: of }): WatchEntry => ({ v: FORMAT, job, files: of }))];
}
