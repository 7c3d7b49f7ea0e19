// A model over labelled images, on every core.

import { availableParallelism } from 'node:os';
import { openLog } from '../../app/log.ts';
import { runnerOptions } from '../../app/runners.ts';
import type { RunSettings } from '../../app/settings.ts';
import { systemClock } from '../../app/system-clock.ts';
import type { ClassLabel } from '../../core/model/model.ts';
import { type ModelLocation, RUNNER_BATCH } from '../../core/model/runner-protocol.ts';
import { noMeter } from '../../core/runtime/metrics.ts';
import { type Evaluation, evaluate } from '../../model/evaluate.ts';
import { findLabelledImages, type LabelledFolder } from '../../model/labelled-images.ts';
import { RunnerPool } from '../../worker/runners/runner-pool.ts';
import { notice } from '../terminal/notice.ts';
import { openSpinner } from '../terminal/spinner.ts';

/** Images on their way to a runner, beside those in it. */
const AHEAD_PER_RUNNER = 3 * RUNNER_BATCH;
const SHOWN = 3;

/** The labelled images of a folder; says which are left out. */
export async function labelledImages(
  dir: string,
  labels: readonly ClassLabel[],
): Promise<LabelledFolder['images']> {
  const { images, unlabelled } = await findLabelledImages(dir, labels);
  if (unlabelled.length > 0) {
    const shown = unlabelled.slice(0, SHOWN).join(', ');
    const what =
      unlabelled.length === 1
        ? '1 image says nothing of what it shows and is'
        : `${unlabelled.length} images say nothing of what they show and are`;
    notice(`${what} left out: ${shown}${unlabelled.length > SHOWN ? ', ...' : ''}`);
  }
  return images;
}

/** @throws {ImgclsError} where the model cannot be used. */
export async function evaluateModel(
  place: ModelLocation,
  images: LabelledFolder['images'],
  { settings, title, signal }: { settings: RunSettings; title: string; signal: AbortSignal },
): Promise<Evaluation> {
  const runners = settings.runners ?? availableParallelism();
  const pool = new RunnerPool({
    ...runnerOptions(settings),
    runners,
    niceness: 0,
    clock: systemClock,
    random: Math.random,
    log: openLog(settings),
    meter: noMeter,
  });
  const spinner = await openSpinner(process.stderr, title);
  try {
    pool.warmUp(place);
    let order = 0;
    return await evaluate(images, {
      concurrency: AHEAD_PER_RUNNER * runners,
      signal,
      classify: (bytes, topK) =>
        pool.classify({ image: bytes, model: place, topK, order: order++ }, { signal, onBegin: () => {} }),
      onProgress(done) {
        if (spinner !== undefined) spinner.text = `${title}: ${done} of ${images.length} images`;
      },
    });
  } finally {
    spinner?.stop();
    await pool.close();
  }
}
