import type { Job } from '../client/client.ts';
import { ImgclsError } from '../core/errors.ts';
import { plainName } from '../results/export.ts';
import type { Skipped } from '../upload/inputs.ts';
import { systemClock } from './clock.ts';
import { selectJobModel } from './models.ts';
import type { OutputFlags } from './output.ts';
import { type Output, openOutput } from './output.ts';
import { InterruptedError } from './report.ts';
import { notice, type Run, withRun } from './run.ts';
import { howToGoOn, waitAndPrint } from './wait.ts';

export interface UploadOptions extends OutputFlags {
  topK?: number;
  model?: string;
  modelVariant?: string;
  wait: boolean;
  timeout?: number;
  include?: string[];
  exclude?: string[];
  concurrency?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls upload`. @returns the exit code. */
export function upload(inputs: readonly string[], options: UploadOptions): Promise<number> {
  const { topK, concurrency, cluster, dataDir } = options;
  // As "imgcls model list" writes a model: NAME/VARIANT.
  const [model, modelVariant = options.modelVariant] = options.model?.split('/', 2) ?? [];
  return withRun({ topK, model, modelVariant, concurrency, cluster, dataDir }, (run) =>
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

/** Says what was left out: a few by name, the rest by number. */
function skippedFiles(): { add(skipped: Skipped): void; tell(): void } {
  const reasons = new Map<string, { count: number; example: string }>();
  return {
    add({ source, reason }) {
      const known = reasons.get(reason);
      if (known === undefined) reasons.set(reason, { count: 1, example: source });
      else known.count++;
    },
    tell() {
      for (const [reason, { count, example }] of reasons) {
        const others = count === 1 ? '' : ` and ${count - 1} more`;
        notice(`left out ${plainName(example)}${others}: ${reason}.`);
      }
    },
  };
}
