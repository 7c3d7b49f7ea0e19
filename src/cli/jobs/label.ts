import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { environmentTrace } from '../../app/environment-trace.ts';
import { withWords } from '../../app/job-words.ts';
import {
  type JobModel,
  openClusterModels,
  requireCategories,
  selectJobModel,
} from '../../app/select-job-model.ts';
import { loadSettings, type RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { Job } from '../../client/job.ts';
import { modelTitle } from '../../core/model/model.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError, readFault } from '../../core/runtime/errors.ts';
import type { OutputFlags } from '../output/output.ts';
import { checkOutputFlags, openOutput } from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { noticeInventory } from '../terminal/inventory-notice.ts';
import { detail, notice } from '../terminal/notice.ts';
import { collectSkipped } from '../terminal/skipped.ts';
import { terminal } from '../terminal/terminal.ts';
import { printJobId, type WaitOptions, waitAndPrint, warnOncePerReason } from './wait.ts';

export interface LabelOptions extends OutputFlags {
  topK?: number;
  model?: string;
  modelVariant?: string;
  wait: boolean;
  dryRun?: boolean;
  /** The older name of `dryRun`. */
  quote?: boolean;
  /** The labels to choose from, separated by commas, or a file with one a line. */
  labels?: string;
  labelsFile?: string;
  fresh?: boolean;
  by?: Date;
  /** In US dollars. */
  maxCost?: number;
  timeout?: number;
  include?: string[];
  exclude?: string[];
  concurrency?: number;
  copy?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls label`. @returns the exit code. */
export async function label(inputs: readonly string[], options: LabelOptions): Promise<number> {
  const { topK, concurrency, cluster, dataDir } = options;
  const localFiles = options.copy === true ? 'copy' : undefined;
  // A model may be NAME/VARIANT, as listed by "imgcls model list".
  const [model, modelVariant = options.modelVariant] = options.model?.split('/', 2) ?? [];
  const flags = { topK, model, modelVariant, concurrency, localFiles, cluster, dataDir };
  if (options.dryRun === true || options.quote === true)
    return await (await import('./quote.ts')).quoteUpload(inputs, {
      ...options,
      model,
      modelVariant,
      localFiles,
    });
  checkOutputFlags(options);
  const isFirst = isFirstUse(loadSettings(flags).settings);
  return await withRun(flags, async (run) => {
    if (options.by !== undefined || options.maxCost !== undefined)
      await (await import('./quote.ts')).warnOfLimits(inputs, options, run);
    return await submitAndWait(inputs, options, { ...run, isFirst });
  });
}

/** Whether nothing was ever stored on this machine. Opening the embedded cloud creates its folder. */
const isFirstUse = ({ cloud, dataDir, cluster }: RunSettings): boolean =>
  cloud === 'local' && !existsSync(path.join(dataDir, cluster));

/** Which model runs: in full once, and with --verbose. */
function reportModel({ ref, notice: text }: JobModel, isFirst: boolean): void {
  if (isFirst || terminal.verbosity === 'verbose') notice(text);
  else notice(`Model: ${modelTitle(ref)}.`);
}

async function submitAndWait(
  inputs: readonly string[],
  options: LabelOptions,
  run: Run & { isFirst: boolean },
): Promise<number> {
  const { cloud, interrupted } = run;
  const output = await openOutput(options.output);
  try {
    const { job, waiting } = await submitInputs(inputs, options, run);
    if (!options.wait) return await printJobId(job, { interrupted, cloud, clock: systemClock });
    return await waitAndPrint(job, options, { ...waiting, output });
  } finally {
    await output.close();
  }
}

type SubmitOptions = Pick<
  LabelOptions,
  'labels' | 'labelsFile' | 'fresh' | 'by' | 'maxCost' | 'include' | 'exclude' | 'wait' | 'level'
>;

/** Undefined: the model has labels of its own. */
async function labelsOf({ labels, labelsFile }: SubmitOptions): Promise<string[] | undefined> {
  if (labelsFile === undefined) return labels?.split(',');
  if (labels !== undefined) throw new ImgclsError('usage', 'Use either --labels or --labels-file.');
  try {
    const text = await readFile(labelsFile, 'utf8');
    return text.replace(/\r?\n$/, '').split(/\r?\n/);
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot read ${labelsFile}: ${readFault(cause)}.`, { cause });
  }
}

/** Starts a job. @returns it, and how to wait for it. */
export async function submitInputs(
  inputs: readonly string[],
  options: SubmitOptions,
  { settings, client, cloud, interrupted, isFirst }: Run & { isFirst: boolean },
): Promise<{ job: Job; waiting: Omit<WaitOptions, 'output'> }> {
  detail(`Cluster ${cloud.cluster} (${cloud.kind}), data folder ${settings.dataDir}.`);
  if (cloud.kind === 'aws' && settings.model === undefined) {
    throw new ImgclsError('usage', 'Cannot choose a model: on AWS it must be set.', {
      hint: 'Use --model or set IMGCLS_MODEL.',
    });
  }
  const chosen = await selectJobModel(settings, openClusterModels(cloud));
  if (options.level === 'category') await requireCategories(settings, chosen.ref);
  if (inputs.includes('-') && process.stdin.isTTY === true)
    notice('Reading paths from this terminal, one a line. Ctrl-D ends the list.');
  const skipped = collectSkipped();
  const onTransient = warnOncePerReason();
  let submitted = { stored: 0, known: 0 };
  const job = await client
    .submit(inputs, {
      ...environmentTrace(process.env),
      ...(await withWords(chosen, await labelsOf(options), settings)),
      topK: settings.topK,
      fresh: options.fresh ?? false,
      include: options.include ?? [],
      exclude: options.exclude ?? [],
      ...(options.by && { by: options.by }),
      ...(options.maxCost !== undefined && { maxCostUsd: options.maxCost }),
      folder: process.cwd(),
      wait: options.wait,
      onTransient,
      onSkip: skipped.add,
      onInventory: noticeInventory,
      onSubmitProgress: (progress) => {
        submitted = progress;
      },
      signal: interrupted,
    })
    .catch((error: unknown) => {
      skipped.report();
      throw error;
    });
  reportModel(chosen, isFirst);
  job.submitted.then(skipped.report, () => {});
  const waiting = {
    interrupted,
    stored: () => submitted.stored,
    known: () => submitted.known,
    onTransient,
    clock: systemClock,
    costUsd: () => readJobCost(cloud.output, job.id),
  };
  return { job, waiting };
}
