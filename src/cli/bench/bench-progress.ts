import { notice } from '../terminal/notice.ts';
import { terminal } from '../terminal/terminal.ts';

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
  const line = await terminal.openStatusLine('starting');
  return { show: (text) => line?.show(text), print: notice, stop: () => line?.hide() };
}
