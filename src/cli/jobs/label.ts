import { environmentTrace } from '../../app/environment-trace.ts';
import { openClusterModels, selectJobModel } from '../../app/select-job-model.ts';
import { systemClock } from '../../app/system-clock.ts';
import { readJobCost } from '../../core/money/job-cost.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { OutputFlags } from '../output/output.ts';
import { checkOutputFlags, openOutput } from '../output/output.ts';
import { type Run, withRun } from '../run.ts';
import { notice } from '../terminal/notice.ts';
import { collectSkipped } from '../terminal/skipped.ts';
import { printJobId, waitAndPrint, warnOncePerReason } from './wait.ts';

export interface LabelOptions extends OutputFlags {
  topK?: number;
  model?: string;
  modelVariant?: string;
  wait: boolean;
  dryRun?: boolean;
  /** The older name of `dryRun`. */
  quote?: boolean;
  timeout?: number;
  include?: string[];
  exclude?: string[];
  concurrency?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls label`. @returns the exit code. */
export async function label(inputs: readonly string[], options: LabelOptions): Promise<number> {
  const { topK, concurrency, cluster, dataDir } = options;
  if (options.dryRun === true || options.quote === true)
    return await (await import('./quote.ts')).quoteUpload(inputs, options);
  checkOutputFlags(options);
  // A model may be NAME/VARIANT, as listed by "imgcls model list".
  const [model, modelVariant = options.modelVariant] = options.model?.split('/', 2) ?? [];
  return await withRun({ topK, model, modelVariant, concurrency, cluster, dataDir }, (run) =>
    submitAndWait(inputs, options, run),
  );
}

async function submitAndWait(inputs: readonly string[], options: LabelOptions, run: Run): Promise<number> {
  const { settings, client, cloud, interrupted } = run;
  if (cloud.kind === 'aws' && settings.model === undefined) {
    throw new ImgclsError('usage', 'Cannot choose a model: on AWS it must be set.', {
      hint: 'Use --model or set IMGCLS_MODEL.',
    });
  }
  const chosen = await selectJobModel(settings, openClusterModels(cloud));
  const output = await openOutput(options.output);
  try {
    const skipped = collectSkipped();
    const onTransient = warnOncePerReason();
    let stored = 0;
    const job = await client
      .submit(inputs, {
        ...environmentTrace(process.env),
        model: chosen.ref,
        topK: settings.topK,
        include: options.include ?? [],
        exclude: options.exclude ?? [],
        folder: process.cwd(),
        wait: options.wait,
        onTransient,
        onSkip: skipped.add,
        onSubmitProgress: (progress) => {
          stored = progress.stored;
        },
        signal: interrupted,
      })
      .catch((error: unknown) => {
        skipped.report();
        throw error;
      });
    notice(chosen.notice);
    job.submitted.then(skipped.report, () => {});
    if (!options.wait) return await printJobId(job, { interrupted, cloud, clock: systemClock });
    return await waitAndPrint(job, options, {
      interrupted,
      output,
      stored: () => stored,
      onTransient,
      clock: systemClock,
      costUsd: () => readJobCost(cloud.output, job.id),
    });
  } finally {
    await output.close();
  }
}
