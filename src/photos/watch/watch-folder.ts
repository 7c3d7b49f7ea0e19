import type { Clock } from '../../core/runtime/clock.ts';
import { type ScanOptions, scanFolder } from './scan-folder.ts';
import { type FoundFile, SettledFiles } from './settled-files.ts';
import type { WatchJournal } from './watch-journal.ts';

/** What is done with the files of a watched folder. */
export interface WatchActions {
  newId(): string;
  /**
   * Labels files in a new job of this id, and does what is to be done with the labels.
   * @returns false if there is no job: the files have gone meanwhile.
   */
  label(job: string, paths: readonly string[]): Promise<boolean>;
  /** The same for a job that an earlier process has begun. @returns false if its files must be labelled in a new job. */
  resume(job: string): Promise<boolean>;
}

export interface WatchOptions extends Omit<ScanOptions, 'onUnreadable' | 'signal'> {
  root: string;
  /** Files are complete when they have not changed for this long. */
  settleMs: number;
  journal: WatchJournal;
  actions: WatchActions;
  clock: Clock;
  onUnreadable(path: string, why: string): void;
  signal: AbortSignal;
}

/** Files of one job. Those that arrive meanwhile are for the next one. */
const MAX_FILES = 1000;
/** The longest pause between two scans of a folder that is quickly read. */
const PAUSE_MS = 1000;
/** A scan takes a twentieth of the time at most, however large the folder is. */
const PAUSE_PER_SCAN = 19;

/**
 * Labels the files of a folder that are new and complete, until the signal aborts. Goes on where an earlier watch of the
 * folder ended, also if it was killed.
 */
export async function watchFolder(options: WatchOptions): Promise<void> {
  const { journal, actions, clock, settleMs, signal } = options;
  const { handled, begun } = await journal.open();
  const files = new SettledFiles(settleMs, handled);
  const finish = async (job: string, of: readonly FoundFile[]) => {
    await journal.end(job);
    for (const file of of) files.markHandled(file);
  };
  const labelled = async (of: readonly FoundFile[]): Promise<boolean> => {
    const job = actions.newId();
    const paths = of.map(({ path }) => path);
    await journal.begin(job, of);
    const isDone = await actions.label(job, paths);
    if (isDone) await finish(job, of);
    return isDone;
  };
  for (const { job, files: of } of begun) if (await actions.resume(job)) await finish(job, of);
  const unreadable = new UnreadableFolders(options.onUnreadable);
  while (!signal.aborted) {
    const startMs = clock.monotonicMs();
    unreadable.beginScan();
    const scanned = scanFolder(options.root, { ...options, onUnreadable: unreadable.add });
    const settled = await files.settled(scanned, {
      nowMs: startMs,
      limit: MAX_FILES,
      isWhole: () => unreadable.none,
    });
    if (settled.length > 0 && (await labelled(settled))) continue;
    const tookMs = clock.monotonicMs() - startMs;
    await clock.sleep(Math.max(Math.min(PAUSE_MS, settleMs / 2), PAUSE_PER_SCAN * tookMs), signal);
  }
}

/** Reports what cannot be read when it begins, not at each scan. */
class UnreadableFolders {
  readonly #report: (path: string, why: string) => void;
  #before = new Set<string>();
  #now = new Set<string>();

  constructor(report: (path: string, why: string) => void) {
    this.#report = report;
  }

  beginScan(): void {
    this.#before = this.#now;
    this.#now = new Set();
  }

  add = (path: string, why: string): void => {
    this.#now.add(path);
    if (!this.#before.has(path)) this.#report(path, why);
  };

  get none(): boolean {
    return this.#now.size === 0;
  }
}
