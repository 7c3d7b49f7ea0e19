import { realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { openClusterModels, selectJobModel } from '../../app/select-job-model.ts';
import { systemClock } from '../../app/system-clock.ts';
import { ImgclsError, readFault } from '../../core/runtime/errors.ts';
import { watchFolder } from '../../photos/watch/watch-folder.ts';
import { warnOncePerReason } from '../jobs/wait.ts';
import { openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { notice, warn } from '../terminal/notice.ts';
import { watchJournal } from './journals.ts';
import { type WatchJobOptions, WatchJobs } from './watch-jobs.ts';

export interface WatchFlags extends Omit<WatchJobOptions, 'root'> {
  settle?: number;
  model?: string;
  include?: string[];
  exclude?: string[];
  cluster?: string;
  dataDir?: string;
}

/** Long enough for the pauses of a copy over a network. */
const SETTLE_MS = 5000;

/** Runs `imgcls watch` until an interrupt. @returns the exit code. */
export async function watch(folder: string, flags: WatchFlags): Promise<number> {
  const root = checkedFolder(folder);
  checkFlags(flags);
  const { include = [], exclude = [], settle = SETTLE_MS, cluster, dataDir } = flags;
  const [model, modelVariant] = flags.model?.split('/', 2) ?? [];
  return await withRun({ cluster, dataDir, model, modelVariant }, async (run) => {
    const { cloud, settings, interrupted } = run;
    const output = await openOutput(undefined);
    const onTransient = warnOncePerReason();
    const { ref } = await selectJobModel(settings, openClusterModels(cloud));
    const jobs = new WatchJobs({ ...flags, root }, { run, output, model: ref, onTransient });
    notice(`Watching ${folder}. Ctrl-C ends it; started again, it goes on where it was.`);
    try {
      await watchFolder({
        root,
        include,
        exclude,
        leaveOut: flags.sort === undefined ? [] : [path.resolve(flags.sort)],
        settleMs: settle,
        journal: watchJournal(settings, root),
        actions: jobs,
        clock: systemClock,
        random: Math.random,
        onTransient,
        onUnreadable: (unreadable, why) => warn(`${unreadable}: ${why}`),
        signal: interrupted,
      });
    } catch (error) {
      if (!interrupted.aborted) throw error;
    }
    await output.finish();
    notice(`Stopped. ${jobs.summary()}`);
    return exitCode.done;
  });
}

/** @throws {ImgclsError} of kind `usage` for flags that would do nothing. */
function checkFlags({ sort, copy, move }: WatchFlags): void {
  if (sort !== undefined || (copy === undefined && move === undefined)) return;
  const flag = copy === true ? '--copy' : '--move';
  throw new ImgclsError('usage', `Cannot use ${flag} without --sort.`, {
    hint: 'Use --sort FOLDER to say where the photographs go.',
  });
}

/** @throws {ImgclsError} of kind `usage` if it is no folder. */
function checkedFolder(folder: string): string {
  try {
    if (statSync(folder).isDirectory()) return realpathSync(folder);
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot watch ${folder}: ${readFault(cause)}.`, { cause });
  }
  throw new ImgclsError('usage', `Cannot watch ${folder}: it is not a folder.`, {
    hint: `Run "imgcls label ${folder}" to label a file.`,
  });
}
