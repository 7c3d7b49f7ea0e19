import { notice } from '../terminal/notice.ts';
import { openSpinner } from '../terminal/spinner.ts';

/** How far a long measurement is, on standard error. */
export interface BenchProgress {
  /** What is going on: a line that is kept up to date on a terminal, nothing elsewhere. */
  show(text: string): void;
  /** What is done: a line that stays. */
  tell(text: string): void;
  /** A question is asked, or the end is near: no line is kept up to date. */
  stop(): void;
}

export async function startBenchProgress(): Promise<BenchProgress> {
  const spinner = await openSpinner(process.stderr, 'starting');
  if (spinner === undefined) return { show: () => {}, tell: notice, stop: () => {} };
  return {
    show(text) {
      spinner.text = text;
      if (!spinner.isSpinning) spinner.start();
    },
    tell(text) {
      spinner.clear();
      notice(text);
    },
    stop: () => void spinner.stop(),
  };
}
