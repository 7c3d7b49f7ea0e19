import { loadSettings } from '../../app/settings.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { undoSort } from '../../photos/sort/undo-sort.ts';
import { exitCode } from '../terminal/exit.ts';
import { detail, notice } from '../terminal/notice.ts';
import { sortJournal } from './journals.ts';
import { SkippedFiles } from './skipped-files.ts';
import { undoTarget } from './undo-target.ts';

/** Runs `imgcls sort --undo`. @returns the exit code. */
export async function undoSorted(
  words: readonly string[],
  { cluster, dataDir, dryRun = false }: { cluster?: string; dataDir?: string; dryRun?: boolean },
): Promise<number> {
  const { settings } = loadSettings({ cluster, dataDir });
  const journal = sortJournal(settings);
  const { jobs, isInside } = await undoTarget(words, journal, 'sort');
  const isWanted = ({ from, to }: { from: string; to: string }) => isInside(from) || isInside(to);
  const counts = { removed: 0, returned: 0, nothing: 0 };
  const skipped = new SkippedFiles();
  for await (const result of undoSort(jobs, { journal, isWanted, dryRun })) {
    if (result.kind === 'skipped') {
      skipped.add(result.file, result.why);
      continue;
    }
    counts[result.kind]++;
    if (result.kind !== 'nothing') detail(`${plainName(result.file)}: ${result.kind}.`);
  }
  const removed = `${pluralize(counts.removed, 'new file')} removed`;
  notice(
    `${dryRun ? 'Would undo' : 'Undone'}: ${removed}, ${pluralize(counts.returned, 'file')} moved back.`,
  );
  skipped.report();
  return skipped.count > 0 ? exitCode.someErrors : exitCode.done;
}
