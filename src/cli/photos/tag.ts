import { systemClock } from '../../app/system-clock.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { labelledFiles } from '../../photos/labelled-files.ts';
import { EmbeddedKeywords } from '../../photos/tag/embedded-keywords.ts';
import { ExifTool } from '../../photos/tag/exiftool.ts';
import { type SidecarName, Sidecars } from '../../photos/tag/sidecar-path.ts';
import { type TagResult, tagFiles } from '../../photos/tag/tag-files.ts';
import { openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { nearPath } from '../terminal/near-path.ts';
import { detail, notice } from '../terminal/notice.ts';
import { tagJournal } from './journals.ts';
import { SkippedFiles } from './skipped-files.ts';
import { targetJob } from './target-job.ts';

export interface TagOptions {
  minScore: number;
  top: number;
  sidecar: SidecarName;
  embed?: boolean;
  dryRun?: boolean;
  undo?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls tag`. @returns the exit code. */
export async function tag(words: readonly string[], options: TagOptions): Promise<number> {
  if (options.undo === true) return await (await import('./undo-tag.ts')).undoTag(words, options);
  const { cluster, dataDir, minScore, top, sidecar, dryRun = false } = options;
  const exifTool = options.embed === true ? await ExifTool.start() : undefined;
  const place = exifTool === undefined ? new Sidecars(sidecar) : new EmbeddedKeywords(exifTool);
  return await withRun({ cluster, dataDir }, async (run) => {
    const { cloud, settings, interrupted } = run;
    const job = await targetJob(words, run);
    const output = await openOutput(undefined);
    const report = new TagReport(job.id, minScore);
    const tagging = {
      job: job.id,
      minScore,
      top,
      place,
      journal: tagJournal(settings),
      dryRun,
      clock: systemClock,
    };
    for await (const result of tagFiles(labelledFiles(cloud.output, job, interrupted), tagging)) {
      report.add(result);
      if (dryRun && result.kind === 'tagged') await output.write(changeText(result));
    }
    await output.finish();
    report.print({ dryRun, isEmbedded: exifTool !== undefined });
    return report.skipped.count > 0 ? exitCode.someErrors : exitCode.done;
  }).finally(() => exifTool?.close());
}

/** `photos/a.jpg.xmp, tabby`. */
const changeText = ({ file, words }: { file: string; words: readonly string[] }): string =>
  `${plainName(nearPath(file))}, ${words.map(plainName).join(', ') || 'no label'}\n`;

/** Counts what happened. */
class TagReport {
  readonly skipped = new SkippedFiles();
  readonly #job: string;
  readonly #minScore: number;
  readonly #counts = { tagged: 0, new: 0, unchanged: 0, unsure: 0, failed: 0 };

  constructor(job: string, minScore: number) {
    this.#job = job;
    this.#minScore = minScore;
  }

  add(result: TagResult): void {
    if (result.kind === 'skipped') {
      this.skipped.add(result.photo, result.why);
      return;
    }
    this.#counts[result.kind]++;
    if (result.kind !== 'tagged') return;
    if (result.isNew) this.#counts.new++;
    detail(`${result.isNew ? 'New' : 'Changed'}: ${changeText(result).trimEnd()}`);
  }

  print({ dryRun, isEmbedded }: { dryRun: boolean; isEmbedded: boolean }): void {
    const { tagged, new: created, unchanged, unsure, failed } = this.#counts;
    const sidecars = isEmbedded ? '' : `${pluralize(created, 'new sidecar')}, ${tagged - created} changed, `;
    const done = `${dryRun ? 'Would tag' : 'Tagged'} ${pluralize(tagged, 'photograph')}`;
    notice(`${done}: ${sidecars}${unchanged} as before.`);
    if (unsure > 0)
      notice(
        `${pluralize(unsure, 'photograph')} without a tag: no label has a score of ${Math.round(100 * this.#minScore)} % or more (--min-score).`,
      );
    if (failed > 0)
      notice(`${pluralize(failed, 'photograph')} without a label: imgcls results ${this.#job} --errors`);
    this.skipped.report();
    if (tagged > 0 && !dryRun) notice(`Run "imgcls tag --undo ${this.#job}" to undo it.`);
  }
}
