import type { Job } from '../client/client.ts';
import { ImgclsError } from '../core/errors.ts';
import { readJobCost } from '../core/job-cost.ts';
import { systemClock } from './clock.ts';
import { selectJobModel } from './models.ts';
import type { OutputFlags } from './output.ts';
import { type Output, openOutput } from './output.ts';
import { InterruptedError } from './report.ts';
import { notice, type Run, withRun } from './run.ts';
import { skippedFiles } from './skipped.ts';
import { howToGoOn, waitAndPrint } from './wait.ts';

export interface UploadOptions extends OutputFlags {
  topK?: number;
  model?: string;
  modelVariant?: string;
  wait: boolean;
  quote?: boolean;
  timeout?: number;
  include?: string[];
  exclude?: string[];
  concurrency?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls upload`. @returns the exit code. */
export async function upload(inputs: readonly string[], options: UploadOptions): Promise<number> {
  const { topK, concurrency, cluster, dataDir } = options;
  if (options.quote === true) return await (await import('./quote.ts')).quoteUpload(inputs, options);
  // As "imgcls model list" writes a model: NAME/VARIANT.
  const [model, modelVariant = options.modelVariant] = options.model?.split('/', 2) ?? [];
  return await withRun({ topK, model, modelVariant, concurrency, cluster, dataDir }, (run) =>
    submitAndWait(inputs, options, run),
  );
}

async function submitAndWait(inputs: readonly string[], options: UploadOptions, run: Run): Promise<number> {
  const { settings, client, cloud, interrupted } = run;
  if (cloud.kind === 'aws' && settings.model === undefined) {
    throw new ImgclsError('usage', 'On AWS the model is always explicit.', {
      hint: 'Give --model, or set IMGCLS_MODEL.',
    });
  }
  const chosen = await selectJobModel(settings);
  const output = await openOutput(options.output);
  try {
    const skipped = skippedFiles();
    let stored = 0;
    const job = await client
      .submit(inputs, {
        model: chosen.ref,
        topK: settings.topK,
        include: options.include ?? [],
        exclude: options.exclude ?? [],
        wait: options.wait,
        onSkip: skipped.add,
        onSubmitProgress: (progress) => {
          stored = progress.stored;
        },
        signal: interrupted,
      })
      .catch((error: unknown) => {
        skipped.tell();
        throw error;
      });
    notice(chosen.notice);
    if (!options.wait) return await leaveBehind(job, { output, interrupted, tellSkipped: skipped.tell });
    job.submitted.then(skipped.tell, () => {});
    return await waitAndPrint(job, options, {
      interrupted,
      output,
      stored: () => stored,
      clock: systemClock,
      costUsd: () => readJobCost(cloud.output, job.id),
    });
  } finally {
    await output.close();
  }
}

/** `--no-wait`: the job's id is the result. */
async function leaveBehind(
  job: Job,
  { output, interrupted, tellSkipped }: { output: Output; interrupted: AbortSignal; tellSkipped(): void },
): Promise<number> {
  try {
    const { total } = await job.submitted;
    tellSkipped();
    await output.write(`${job.id}\n`);
    await output.finish();
    notice(`${total} images announced; "imgcls results ${job.id} --wait" waits for them.`);
    return 0;
  } catch (error) {
    if (interrupted.aborted) throw new InterruptedError(await howToGoOn(job));
    throw error;
  }
}
