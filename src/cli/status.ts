import type { WriteStream } from 'node:tty';
import { systemClock } from './clock.ts';
import { exitCode } from './report.ts';
import { withRun } from './run.ts';
import { drawScreen } from './screen.ts';
import { StatusReader } from './status-read.ts';
import { statusText } from './status-text.ts';
import { type StatusView, toView } from './status-view.ts';

export interface StatusOptions {
  watch?: boolean;
  format: 'table' | 'json';
  cluster?: string;
  dataDir?: string;
}

const WATCH_MS = 2000;

/** Runs `imgcls status`, once or until it is interrupted. @returns the exit code. */
export function status({ watch = false, format, cluster, dataDir }: StatusOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted }) => {
    const reader = new StatusReader({ cloud, clock: systemClock, signal: interrupted });
    if (!watch) {
      process.stdout.write(format === 'json' ? `${jsonOf(toView(await reader.read()), 2)}\n` : statusText(toView(await reader.read())));
      return exitCode.done;
    }
    for (;;) {
      const view = toView(await reader.read());
      // What was read while the interrupt came is cut off, and nobody waits for it.
      if (interrupted.aborted) return exitCode.done;
      process.stdout.write(format === 'json' ? `${jsonOf(view)}\n` : redrawn(view, process.stdout));
      await systemClock.sleep(WATCH_MS, interrupted);
      if (interrupted.aborted) return exitCode.done;
    }
  });
}
