import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { openSpinner } from './spinner.ts';

/** How often a log file, say, gets a line of progress. */
const LOG_LINE_MS = 10_000;

export interface ProgressNumbers {
  done: number;
  /** How many of them were done already when the wait began. */
  before: number;
  total: number | undefined;
  errors: number;
  stored: number;
}

/** A line on stderr that shows how far a job is: kept up to date on a terminal, now and then elsewhere. */
export interface ProgressLine {
  show(numbers: ProgressNumbers): void;
  stop(): void;
}

export async function startProgress(nowMs: () => number): Promise<ProgressLine> {
  const startMs = nowMs();
  const spinner = await openSpinner(process.stderr, 'starting');
  if (spinner === undefined) return logLines(nowMs, startMs);
  return {
    show(numbers) {
      spinner.text = progressText(numbers, nowMs() - startMs);
    },
    stop: () => void spinner.stop(),
  };
}

function logLines(nowMs: () => number, startMs: number): ProgressLine {
  let lastMs = startMs;
  return {
    show(numbers) {
      if (nowMs() - lastMs < LOG_LINE_MS) return;
      lastMs = nowMs();
      process.stderr.write(`${progressText(numbers, lastMs - startMs)}\n`);
    },
    stop: () => {},
  };
}

/** `120 of 1000 images, 98.4 images/s, 9 s left`. While the inputs are still read, the total is what was read so far. */
export function progressText(
  { done, before, total, errors, stored }: ProgressNumbers,
  elapsedMs: number,
): string {
  if (done === 0)
    return total === undefined
      ? `${stored} images stored`
      : `${total} images stored, waiting for the first label`;
  const perSecond = (1000 * (done - before)) / elapsedMs;
  const rate = perSecond === 0 ? '' : `, ${perSecond.toFixed(1)} images/s`;
  const leftMs = total === undefined ? Number.NaN : (1000 * (total - done)) / perSecond;
  const left = Number.isFinite(leftMs) ? `, ${duration(leftMs)} left` : '';
  const faulty = errors === 0 ? '' : `, ${pluralize(errors, 'error')}`;
  return `${done} of ${total ?? `${stored}+`} images${rate}${left}${faulty}`;
}

/** What something took, as exactly as it is worth: `1.0 s`, `12 s`, `4 min`. */
export function measured(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : duration(1000 * Math.round(ms / 1000));
}
