import { duration } from '../../core/text/duration.ts';
import { pluralize } from '../../core/text/pluralize.ts';
import { terminal } from './terminal.ts';

/** Time between two lines of progress where none is kept up to date. */
const LOG_LINE_MS = 10_000;

export interface ProgressNumbers {
  done: number;
  /** Images that were done before the wait began. */
  before: number;
  total: number | undefined;
  errors: number;
  /** Images submitted so far. Undefined where another command submits them. */
  stored: number | undefined;
}

/** Shows the progress of a job on stderr: one line kept up to date on a terminal, a line every 10 s elsewhere and below results in a pipe. */
export interface ProgressLine {
  show(numbers: ProgressNumbers): void;
  stop(): void;
}

export async function startProgress(nowMs: () => number): Promise<ProgressLine> {
  const startMs = nowMs();
  const line = await terminal.openStatusLine('starting');
  let lastMs = startMs;
  return {
    show(numbers) {
      const text = progressText(numbers, nowMs() - startMs);
      if (line?.isRetired === false) return line.show(text);
      if (nowMs() - lastMs < LOG_LINE_MS) return;
      lastMs = nowMs();
      terminal.notice(text);
    },
    stop: () => line?.retire(),
  };
}

/** `120 of 1000 images, 98.4 images/s, 9 s left`. While inputs are being read, the total is the number submitted so far. */
export function progressText(
  { done, before, total, errors, stored }: ProgressNumbers,
  elapsedMs: number,
): string {
  if (done === 0)
    return total === undefined
      ? `${stored === undefined ? 'waiting for the first label' : `${stored} images submitted`}`
      : `${total} images submitted, waiting for the first label`;
  const perSecond = (1000 * (done - before)) / elapsedMs;
  const rate = perSecond === 0 ? '' : `, ${perSecond.toFixed(1)} images/s`;
  const leftMs = total === undefined ? Number.NaN : (1000 * (total - done)) / perSecond;
  const left = Number.isFinite(leftMs) ? `, ${duration(leftMs)} left` : '';
  const failed = errors === 0 ? '' : `, ${pluralize(errors, 'error')}`;
  const all = total ?? (stored === undefined ? undefined : `${stored}+`);
  return `${done}${all === undefined ? '' : ` of ${all}`} images${rate}${left}${failed}`;
}

/** A measured time, rounded by its size: `1.0 s`, `12 s`, `4 min`. */
export function measured(ms: number): string {
  return ms < 9950 ? `${(ms / 1000).toFixed(1)} s` : duration(1000 * Math.round(ms / 1000));
}
