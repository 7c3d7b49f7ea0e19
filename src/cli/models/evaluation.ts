// Evaluates a model on labelled images, on every core.

import { availableParallelism } from 'node:os';
import { openLog } from '../../app/log.ts';
import { runnerOptions } from '../../app/runners.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { ClassLabel } from '../../core/model/model.ts';
import { type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { noMeter } from '../../core/runtime/metrics.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { type EvaluateOptions, type Evaluation, evaluate } from '../../model/evaluate.ts';
import { findLabelledImages, type LabelledFolder } from '../../model/labelled-images.ts';
import { FULL_REQUESTS, RunnerPool } from '../../worker/runners/runner-pool.ts';
import { notice } from '../terminal/notice.ts';
import { terminal } from '../terminal/terminal.ts';

/** Images queued per runner, besides those in it. */
const QUEUED_PER_RUNNER = 3 * RUNNER_BATCH;
const SHOWN = 3;

/** The labelled images of a folder. Reports skipped ones. */
export async function labelledImages(
  dir: string,
  labels: readonly ClassLabel[],
): Promise<LabelledFolder['images']> {
  const { images, unlabelled } = await findLabelledImages(dir, labels);
  if (unlabelled.length > 0) {
    const shown = unlabelled.slice(0, SHOWN).join(', ');
    const count = pluralize(unlabelled.length, 'image');
    notice(`Skipped ${count} without a label: ${shown}${unlabelled.length > SHOWN ? ', ...' : ''}`);
  }
  return images;
}

export interface ModelEvaluationOptions extends Pick<EvaluateOptions, 'topK' | 'onPrediction'> {
  settings: RunSettings;
  title: string;
  signal: AbortSignal;
}

/** The runners of a worker, without its queues. */
export const openRunners = (settings: RunSettings, runners: number): RunnerPool =>
  new RunnerPool({
    ...runnerOptions(settings),
    runners,
    niceness: 0,
    ...FULL_REQUESTS,
    clock: systemClock,
    random: Math.random,
    log: openLog(settings),
    meter: noMeter,
  });

/** @throws {ImgclsError} when the model cannot be used. */
export async function evaluateModel(
  location: ModelLocation,
  images: LabelledFolder['images'],
  { settings, title, signal, ...details }: ModelEvaluationOptions,
): Promise<Evaluation> {
  const runners = settings.runners ?? availableParallelism();
  const pool = openRunners(settings, runners);
  const line = await terminal.openStatusLine(title);
  try {
    pool.warmUp(location);
    let turn = 0;
    return await evaluate(images, {
      concurrency: QUEUED_PER_RUNNER * runners,
      signal,
      ...details,
      classify: (bytes, topK) =>
        pool.classify({ image: bytes, model: location, topK, turn: turn++ }, { signal, onBegin: () => {} }),
      onProgress(done) {
        line?.show(`${title}: ${done} of ${images.length} images`);
      },
    });
  } finally {
    line?.retire();
    await pool.close();
  }
}
