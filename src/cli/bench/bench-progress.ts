import { notice } from '../terminal/notice.ts';
import { openSpinner } from '../terminal/spinner.ts';

/** Progress of a long measurement, on standard error. */
export interface BenchProgress {
  /** Updates the progress line on a terminal; does nothing elsewhere. */
  show(text: string): void;
  /** Writes a line that stays. */
  print(text: string): void;
  /** Removes the progress line, before a question or at the end. */
  stop(): void;
}

export async function startBenchProgress(): Promise<BenchProgress> {
  const spinner = await openSpinner(process.stderr, 'starting');
  if (spinner === undefined) return { show: () => {}, print: notice, stop: () => {} };
  return {
    show(text) {
      spinner.text = text;
      if (!spinner.isSpinning) spinner.start();
    },
    print(text) {
      spinner.clear();
      notice(text);
    },
    stop: () => void spinner.stop(),
  };
}
