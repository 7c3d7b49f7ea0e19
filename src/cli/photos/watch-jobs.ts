import path from 'node:path';
import { ulid } from 'ulid';
import { systemClock } from '../../app/system-clock.ts';
import type { Job } from '../../client/job.ts';
import type { Level } from '../../core/model/level.ts';
import type { ModelRef } from '../../core/model/model.ts';
import { isError } from '../../core/model/outcome.ts';
import { ImgclsError, JobMissingError } from '../../core/runtime/errors.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { labelledFiles } from '../../photos/labelled-files.ts';
import { sortFiles } from '../../photos/sort/sort-files.ts';
import { Sidecars } from '../../photos/tag/sidecar-path.ts';
import { tagFiles } from '../../photos/tag/tag-files.ts';
import { runCommand } from '../../photos/watch/run-command.ts';
import type { WatchActions } from '../../photos/watch/watch-folder.ts';
import { createExporter, exportedOutcome } from '../../results/export.ts';
import type { Output } from '../output/output.ts';
import type { Run } from '../run.ts';
import { sortJournal, tagJournal } from './journals.ts';
import { SkippedFiles } from './skipped-files.ts';
import { modeOf } from './sort-mode.ts';

export interface WatchJobOptions {
  /** The folder that is watched. */
  root: string;
  tag?: boolean;
  /** Folder to sort photographs into. */
  sort?: string;
  copy?: boolean;
  move?: boolean;
  level: Level;
  minScore: number;
  exec?: string;
  format: 'lines' | 'ndjson';
}

export interface WatchJobTools {
  run: Run;
  output: Output;
  model: ModelRef;
  onTransient(error: unknown): void;
}

/** The jobs of a watched folder, and what is done with their labels. */
export class WatchJobs implements WatchActions {
  readonly newId = ulid;
  readonly #options: WatchJobOptions;
  readonly #tools: WatchJobTools;
  #images = 0;
  #errors = 0;

  constructor(options: WatchJobOptions, tools: WatchJobTools) {
    this.#options = options;
    this.#tools = tools;
  }

  async label(id: string, paths: readonly string[]): Promise<boolean> {
    const { run, model, onTransient } = this.#tools;
    const { client, settings, interrupted: signal } = run;
    try {
      const submitted = { id, model, topK: settings.topK, folder: this.#options.root, wait: true };
      await this.#finish(await client.submit(paths, { ...submitted, onTransient, signal }));
      return true;
    } catch (error) {
      // A file that was just there is gone.
      if (error instanceof ImgclsError && error.kind === 'usage') return false;
      throw error;
    }
  }

  async resume(id: string): Promise<boolean> {
    const { run, onTransient } = this.#tools;
    const { client, interrupted: signal } = run;
    try {
      await this.#finish(await client.resume(id, { wait: true, onTransient, signal }));
      return true;
    } catch (error) {
      if (error instanceof JobMissingError) return false;
      if (!(error instanceof ImgclsError && error.kind === 'usage')) throw error;
      await (await client.job(id)).cancel();
      return false;
    }
  }

  /** `12 photographs labelled, 0 errors.` */
  summary = (): string =>
    `${pluralize(this.#images, 'photograph')} labelled, ${pluralize(this.#errors, 'error')}.`;

  async #finish(job: Job): Promise<void> {
    const { run, output, onTransient } = this.#tools;
    const { root, format } = this.#options;
    const exporter = createExporter(format);
    for await (const outcome of job.outcomes({ signal: run.interrupted, onTransient })) {
      this.#images++;
      if (isError(outcome)) this.#errors++;
      await output.write(exporter.row({ ...outcome, name: path.relative(root, outcome.name) }));
    }
    const skipped = new SkippedFiles();
    await this.#tag(job, skipped);
    await this.#exec(job, skipped);
    await this.#sort(job, skipped);
    skipped.report();
  }

  async #tag(job: Job, skipped: SkippedFiles): Promise<void> {
    const { tag, minScore } = this.#options;
    if (tag !== true) return;
    const tagging = {
      job: job.id,
      minScore,
      top: 1,
      place: new Sidecars('auto'),
      journal: tagJournal(this.#tools.run.settings),
      dryRun: false,
      clock: systemClock,
    };
    for await (const result of tagFiles(await this.#filesOf(job), tagging))
      if (result.kind === 'skipped') skipped.add(result.photo, result.why);
  }

  async #sort(job: Job, skipped: SkippedFiles): Promise<void> {
    const { sort, level, minScore } = this.#options;
    if (sort === undefined) return;
    const journal = sortJournal(this.#tools.run.settings);
    const mode = modeOf(this.#options);
    const sorting = { job: job.id, mode, into: path.resolve(sort), level, minScore, journal, dryRun: false };
    for await (const result of sortFiles(await this.#filesOf(job), sorting))
      if (result.kind === 'skipped') skipped.add(result.photo, result.why);
  }

  /** Before photographs are moved away. */
  async #exec(job: Job, skipped: SkippedFiles): Promise<void> {
    const { exec } = this.#options;
    if (exec === undefined) return;
    const { interrupted: signal } = this.#tools.run;
    for await (const { outcome, path: file } of await this.#filesOf(job)) {
      if (file === undefined) continue;
      const json = JSON.stringify({ path: file, job: job.id, ...exportedOutcome(outcome) });
      const why = await runCommand(exec, { path: file, json, signal });
      if (why !== undefined) skipped.add(file, `the program ${exec} failed (${why})`);
    }
  }

  async #filesOf(job: Job) {
    const { cloud, interrupted } = this.#tools.run;
    return labelledFiles(cloud.output, await job.record(), interrupted);
  }
}
