import { systemClock } from '../../app/system-clock.ts';
import { isUnknown } from '../../core/runtime/unknown.ts';
import { harmless } from '../../core/text/harmless.ts';
import { openOutput } from '../output/output.ts';
import { withRun } from '../run.ts';
import { exitCode } from '../terminal/exit.ts';
import { screenful, screenOf } from '../terminal/screen.ts';
import { StatusReader } from './status-read.ts';
import { statusText } from './status-text.ts';
import { type ClusterObservation, type StatusView, toView } from './status-view.ts';

export interface StatusFlags {
  watch?: boolean;
  cost?: boolean;
  format: 'table' | 'json';
  cluster?: string;
  dataDir?: string;
}

const WATCH_MS = 2000;

/** Runs `imgcls status`. @returns the exit code. */
export function status(flags: StatusFlags): Promise<number> {
  return flags.cost === true ? monthStatus(flags) : fleetStatus(flags);
}

function monthStatus({ format, cluster, dataDir }: StatusFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted }) => {
    // Loads the AWS SDK.
    const { monthCostText, readMonthCost } = await import('./status-cost.ts');
    const cost = await readMonthCost(cloud, systemClock.nowMs(), interrupted);
    const output = await openOutput(undefined);
    const text = format === 'json' ? `${JSON.stringify(cost, null, 2)}\n` : monthCostText(cost);
    await output.write(text.split('\n').map(harmless).join('\n'));
    await output.finish();
    return isUnknown(cost.machines) && isUnknown(cost.standing ?? cost.machines)
      ? exitCode.failed
      : exitCode.done;
  });
}

/** Once or until it is interrupted. */
function fleetStatus({ watch = false, format, cluster, dataDir }: StatusFlags): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ cloud, interrupted }) => {
    const reader = new StatusReader({ cloud, clock: systemClock, signal: interrupted });
    const output = await openOutput(undefined);
    const once = format === 'json' ? indented : onScreen;
    const again = format === 'json' ? oneLine : redrawn;
    for (;;) {
      const seen = await reader.read();
      // An interrupt aborts reads, and their values would be shown as unknown.
      if (interrupted.aborted) return watch ? exitCode.done : exitCode.interrupted;
      await output.write((watch ? again : once)(toView(seen)));
      if (!watch) {
        await output.finish();
        return isAllUnknown(seen) ? exitCode.failed : exitCode.done;
      }
      await systemClock.sleep(WATCH_MS, interrupted);
    }
  });
}

const isAllUnknown = ({ lock, report, requests, deadLetters, workers, jobs }: ClusterObservation): boolean =>
  [lock, report, requests, deadLetters, workers, jobs].every(isUnknown);

const indented = (view: StatusView): string => `${harmlessJson(view, 2)}\n`;
const oneLine = (view: StatusView): string => `${harmlessJson(view)}\n`;

const onScreen = (view: StatusView): string => statusText(view, screenOf(process.stdout));

/** Redraws the screen on a terminal; appends anywhere else. */
function redrawn(view: StatusView): string {
  const { isTTY, columns, rows } = process.stdout;
  return isTTY && columns > 0 ? screenful(onScreen(view), { columns, rows }) : `${statusText(view)}\n`;
}

/** Escapes control characters. They occur only inside strings, where JSON allows escapes. */
const harmlessJson = (view: StatusView, indent = 0): string =>
  JSON.stringify(view, null, indent).split('\n').map(harmless).join('\n');
