import { statSync } from 'node:fs';
import path from 'node:path';

import type { Level } from '../../core/model/level.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import { plainName } from '../../core/text/harmless.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { labelledFiles } from '../../photos/labelled-files.ts';
import { type SortResult, sortFiles } from '../../photos/sort/sort-files.ts';
import type { SortMode } from '../../photos/sort/sort-journal.ts';
import { openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { nearPath } from '../terminal/near-path.ts';
import { detail, notice } from '../terminal/notice.ts';
import { sortJournal } from './journals.ts';
import { SkippedFiles } from './skipped-files.ts';
import { modeOf } from './sort-mode.ts';
import { targetJob } from './target-job.ts';

export interface SortOptions {
  into?: string;
  copy?: boolean;
  move?: boolean;
  level: Level;
  minScore: number;
  dryRun?: boolean;
  undo?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls sort`. @returns the exit code. */
export async function sort(words: readonly string[], options: SortOptions): Promise<number> {
  if (options.undo === true) return await (await import('./undo-sort.ts')).undoSorted(words, options);
  const { cluster, dataDir, level, minScore, dryRun = false } = options;
  const into = checkedFolder(options.into);
  return await withRun({ cluster, dataDir }, async (run) => {
    const { cloud, settings, interrupted } = run;
    const job = await targetJob(words, run);
    const output = await openOutput(undefined);
    const mode = modeOf(options);
    const report = new SortReport(job.id);
    const sorting = { job: job.id, mode, into, level, minScore, journal: sortJournal(settings), dryRun };
    for await (const result of sortFiles(labelledFiles(cloud.output, job, interrupted), sorting)) {
      report.add(result);
      if (dryRun && result.kind === 'sorted') await output.write(stepText(result));
    }
    await output.finish();
    report.print({ mode, dryRun, minScore, level });
    return report.skipped.count > 0 ? exitCode.someErrors : exitCode.done;
  });
}

/** @throws {ImgclsError} of kind `usage` without a folder, or if it is something else. */
function checkedFolder(into: string | undefined): string {
  if (into === undefined)
    throw new ImgclsError('usage', 'Cannot sort photographs without a folder to sort them into.', {
      hint: 'Use --into FOLDER.',
    });
  const found = statSync(into, { throwIfNoEntry: false });
  if (found?.isDirectory() === false)
    throw new ImgclsError('usage', `Cannot sort photographs into ${into}: it is not a folder.`, {
      hint: 'Use --into with the name of a folder, or of a new one.',
    });
  return path.resolve(into);
}

/** `photos/a.jpg, sorted/tabby/a.jpg`. */
const stepText = ({ from, to }: { from: string; to: string }): string =>
  `${plainName(nearPath(from))}, ${plainName(nearPath(to))}\n`;

/** Which photographs are sorted. */
interface Choice {
  minScore: number;
  level: Level;
}

const DONE: Readonly<Record<SortMode, string>> = { link: 'Linked', copy: 'Copied', move: 'Moved' };

/** Counts what happened. */
class SortReport {
  readonly skipped = new SkippedFiles();
  readonly #job: string;
  readonly #folders = new Set<string>();
  readonly #counts = { sorted: 0, unchanged: 0, unsure: 0, failed: 0 };

  constructor(job: string) {
    this.#job = job;
  }

  add(result: SortResult): void {
    if (result.kind === 'skipped') {
      this.skipped.add(result.photo, result.why);
      return;
    }
    this.#counts[result.kind]++;
    if (result.kind !== 'sorted') return;
    this.#folders.add(path.dirname(result.to));
    detail(stepText(result).trimEnd());
  }

  print({ mode, dryRun, ...choice }: Choice & { mode: SortMode; dryRun: boolean }): void {
    const { sorted, unchanged, unsure, failed } = this.#counts;
    const photographs = `${pluralize(sorted, 'photograph')} into ${pluralize(this.#folders.size, 'folder')}`;
    const before = unchanged === 0 ? '' : `, ${unchanged} there already`;
    notice(`${dryRun ? `Would ${mode}` : DONE[mode]} ${photographs}${before}.`);
    if (unsure > 0) notice(unsureText(unsure, choice));
    if (failed > 0)
      notice(`${pluralize(failed, 'photograph')} without a label: imgcls results ${this.#job} --errors`);
    this.skipped.report();
    if (sorted > 0 && !dryRun) notice(`Run "imgcls sort --undo ${this.#job}" to undo it.`);
  }
}

function unsureText(count: number, { minScore, level }: Choice): string {
  const where = `left where ${count === 1 ? 'it is' : 'they are'}`;
  const percent = `${Math.round(100 * minScore)} %`;
  const text = `${pluralize(count, 'photograph')} ${where}: no ${WORDS[level]} has a score of ${percent} or more (--min-score).`;
  return level === 'class' ? text : `${text} ${NO_CATEGORY}`;
}

const WORDS: Readonly<Record<Level, string>> = { class: 'label', category: 'category' };
const NO_CATEGORY = 'Labels of earlier versions have no category; "imgcls label --fresh" makes new ones.';
