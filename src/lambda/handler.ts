/**
 * The controller as a function of AWS Lambda. A schedule calls it once a minute, and submitters call it when they send
 * requests. A call without work ends at once; one with work goes on until the work is done, or its time is over.
 */

import { ulid } from 'ulid';
import { openChores } from '../app/chores.ts';
import { LiveSettings } from '../app/live-settings.ts';
import { openLog } from '../app/log.ts';
import { openMeter } from '../app/meter.ts';
import { openAwsCloud } from '../app/open-aws-cloud.ts';
import { openController, openLock } from '../app/open-controller.ts';
import { openFleet } from '../app/open-fleet.ts';
import { loadSettings } from '../app/settings.ts';
import { systemClock } from '../app/system-clock.ts';
import { CONTROLLER_TIMING } from '../core/fleet/controller-timing.ts';
import type { Tick } from '../scaler/controller.ts';
import { needsController } from '../scaler/needs-controller.ts';
import { recordTick } from '../scaler/record-tick.ts';
import { writeReport } from '../scaler/report.ts';
import { runShift, type Shift, type ShiftEnd } from '../scaler/shift.ts';

/** What the handler reads of Lambda's context. */
export interface CallContext {
  getRemainingTimeInMillis(): number;
}

/** How a call ended. `nothing to do`: it did not even take the lock. */
export interface CallResult {
  end: ShiftEnd | 'nothing to do';
}

/** The schedule of the template (deploy/cloudformation/imgcls.yaml). */
const CALLED_EVERY_MS = 60_000;
/** At rest, maintenance runs and the report is renewed this often. */
const WHOLE_LOOK_EVERY_MS = 30 * 60_000;
/** Two calls may get lost before the controller counts as gone. */
const LATE_MS = 2 * CALLED_EVERY_MS;
/** Time for the tick in progress, the last report and the release of the lock. */
const HAND_OVER_MS = 30_000;
/** SQS counts a message a minute after it was sent at the latest. Until then an empty queue proves nothing. */
const EXPECT_WORK_MS = 60_000;
/** While the cluster is at rest, no shift runs; so a shift lists at every tick. */
const TIMING = { ...CONTROLLER_TIMING.aws, restingListEveryMs: 0 };

let opened: ReturnType<typeof open> | undefined;
/** By the wall clock, as the other one may stand still between calls. */
let isAtRestUntilMs = Number.NEGATIVE_INFINITY;
/** A new environment, such as that of a deployment, tries again what failed before. */
let goesOn = false;

/** @param event `{ "wake": true }`: work is on its way. */
export async function handler(event: { wake?: boolean } | null, context: CallContext): Promise<CallResult> {
  const startMs = systemClock.monotonicMs();
  const untilMs = startMs + context.getRemainingTimeInMillis() - HAND_OVER_MS;
  opened ??= open().catch((error) => {
    opened = undefined;
    throw error;
  });
  const site = await opened;
  const isWoken = event?.wake === true;
  const rests = !isWoken && systemClock.nowMs() < isAtRestUntilMs;
  if (rests && !(await needsController(site.cloud, site.fleet.driver))) return { end: 'nothing to do' };
  const limits = { untilMs, expectWorkUntilMs: isWoken ? startMs + EXPECT_WORK_MS : startMs };
  const { end, launchAtMs = Number.POSITIVE_INFINITY } = await shift(site, limits);
  goesOn = true;
  isAtRestUntilMs =
    end === 'at rest'
      ? Math.min(systemClock.nowMs() + WHOLE_LOOK_EVERY_MS, launchAtMs)
      : Number.NEGATIVE_INFINITY;
  return { end };
}

/** What all calls in this environment share. */
async function open() {
  const { settings } = loadSettings({});
  const cloud = await openAwsCloud(settings);
  const fleet = await openFleet(cloud, settings);
  const live = await LiveSettings.open({ cloud, flags: {}, settings, fleet });
  return { settings, cloud, fleet, live, log: openLog(settings) };
}

/** A controller of its own: its state is in the report. */
async function shift(
  { settings, cloud, fleet, live, log }: Awaited<ReturnType<typeof open>>,
  limits: { untilMs: number; expectWorkUntilMs: number },
): Promise<Shift> {
  const holder = ulid();
  const lock = openLock(cloud, holder, TIMING);
  const { meter, close: closeMeter } = openMeter(settings, { controller: holder });
  try {
    return await runShift({
      ...limits,
      lock,
      controller: openController({
        cloud,
        live,
        settings,
        policy: live.policy,
        timing: TIMING,
        lock,
        holder,
        fleet,
        goesOn,
        log,
      }),
      chores: openChores(cloud, TIMING),
      timing: TIMING,
      tickMs: fleet.tickMs,
      clock: systemClock,
      random: Math.random,
      log,
      onTick(tick) {
        recordTick(meter, tick);
        if (hasActed(tick)) log.info(decisionOf(tick), tick.decision.reason);
      },
      onProblem: (error) => log.error({ error }, 'Controller error that a retry will not fix.'),
      writeReport: (report) => writeReport(cloud.output, report),
      returnsAfterMs: (end) => LATE_MS + (end === 'at rest' ? WHOLE_LOOK_EVERY_MS : CALLED_EVERY_MS),
    });
  } finally {
    closeMeter();
  }
}

const hasActed = ({ decision: { launch, retire }, reaped }: Tick): boolean =>
  launch > 0 || retire.length > 0 || reaped.length > 0;

const decisionOf = ({ decision: { target, launch, retire }, reaped, report: { warnings } }: Tick) => ({
  target,
  launch,
  retire,
  reaped: reaped.map(({ id }) => id),
  warnings,
});
