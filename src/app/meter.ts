import { EmfMeter } from '../core/runtime/emf.ts';
import { type Meter, noMeter } from '../core/runtime/metrics.ts';
import type { RunSettings } from './settings.ts';
import { systemClock } from './system-clock.ts';

const REPORT_EVERY_MS = 60_000;

/**
 * Metrics as the settings ask for them: none, or EMF lines on standard error every minute and at the end.
 * @param properties further members of each line.
 */
export function openMeter(
  { metrics, cluster }: Pick<RunSettings, 'metrics' | 'cluster'>,
  properties: Readonly<Record<string, string>>,
): { meter: Meter; close(): void } {
  if (metrics === 'none') return { meter: noMeter, close() {} };
  const meter = new EmfMeter({
    cluster,
    properties,
    nowMs: systemClock.nowMs,
    write: (line) => void process.stderr.write(`${line}\n`),
  });
  const timer = setInterval(() => meter.flush(), REPORT_EVERY_MS);
  timer.unref();
  return {
    meter,
    close() {
      clearInterval(timer);
      meter.flush();
    },
  };
}
