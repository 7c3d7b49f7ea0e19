import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { openSpinner } from './spinner.ts';

/** Time between two lines of progress where stderr is not a terminal. */
const LOG_LINE_MS = 10_000;

export interface ProgressNumbers {
  done: number;
  /** Images that were done before the wait began. */
  before: number;
  total: number | undefined;
  errors: number;
  /** Images stored so far. */
  stored: number;
}

/** Shows the progress of a job on stderr: one line kept up to date on a terminal, a line every 10 s elsewhere. */
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

/** `120 of 1000 images, 98.4 images/s, 9 s left`. While inputs are being read, the total is the number stored so far. */
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
  const failed = errors === 0 ? '' : `, ${pluralize(errors, 'error')}`;
  return `${done} of ${total ?? `${stored}+`} images${rate}${left}${failed}`;
}

/** A measured time, rounded by its size: `1.0 s`, `12 s`, `4 min`. */
export function measured(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : duration(1000 * Math.round(ms / 1000));
}
