import { loadSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { EmbeddedKeywords } from '../../photos/tag/embedded-keywords.ts';
import { ExifTool } from '../../photos/tag/exiftool.ts';
import { undoTags } from '../../photos/tag/undo-tags.ts';
import { exitCode } from '../terminal/exit.ts';
import { detail, notice } from '../terminal/notice.ts';
import { tagJournal } from './journals.ts';
import { SkippedFiles } from './skipped-files.ts';
import { undoTarget } from './undo-target.ts';

/** Runs `imgcls tag --undo`. @returns the exit code. */
export async function undoTag(
  words: readonly string[],
  { cluster, dataDir, dryRun = false }: { cluster?: string; dataDir?: string; dryRun?: boolean },
): Promise<number> {
  const { settings } = loadSettings({ cluster, dataDir });
  const journal = tagJournal(settings);
  const { jobs, isInside } = await undoTarget(words, journal, 'tag');
  const counts = { deleted: 0, restored: 0, removed: 0, nothing: 0 };
  const skipped = new SkippedFiles();
  let exifTool: ExifTool | undefined;
  const openEmbedded = async () => {
    exifTool ??= await ExifTool.start();
    return new EmbeddedKeywords(exifTool);
  };
  const undoing = {
    openEmbedded,
    journal,
    isWanted: ({ photo }: { photo: string }) => isInside(photo),
    dryRun,
    clock: systemClock,
  };
  for await (const result of undoTags(jobs, undoing)) {
    if (result.kind === 'skipped') {
      skipped.add(result.file, result.why);
      continue;
    }
    counts[result.kind]++;
    if (result.kind !== 'nothing') detail(`${plainName(result.file)}: ${result.kind}.`);
  }
  await exifTool?.close();
  const { deleted, restored, removed } = counts;
  const what = `${pluralize(deleted, 'new sidecar')} deleted, ${restored} restored`;
  const others = removed === 0 ? '' : `; removed the tags from ${removed} that other programs have changed`;
  notice(`${dryRun ? 'Would undo' : 'Undone'}: ${what}${others}.`);
  skipped.report();
  return skipped.count > 0 ? exitCode.someErrors : exitCode.done;
}
