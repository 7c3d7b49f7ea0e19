/**
 * An EC2 Auto Scaling group with step scaling on the backlog per instance: one datapoint a minute; it grows by steps of its size,
 * and waits until new instances are warm. The same advantages as those of target tracking apply.
 */
import type { Policy } from '../../../scaler/policy/policy.ts';
import { messagesPerMachine } from './rival.ts';

const DATAPOINT_MS = 60_000;
const WARM_UP_MS = 300_000;
const IN_DATAPOINTS = 5;
/** It scales in below this share of the target, by this share of its size. */
const IN_SHARE = 0.5;
const IN_STEP = 0.25;
/** From this many times the target on, it grows by this share of its size. */
const STEPS = [
  { from: 5, growth: 3 },
  { from: 2, growth: 1 },
  { from: 1, growth: 0.5 },
] as const;

/** @param now the time, in milliseconds. */
export function createStepScaling(now: () => number): Policy {
  let desired = 0;
  let below = 0;
  let datapointAtMs = Number.NEGATIVE_INFINITY;
  let warmAtMs = Number.NEGATIVE_INFINITY;
  return ({ backlog, measured }, settings) => {
    const nowMs = now();
    if (nowMs - datapointAtMs >= DATAPOINT_MS) {
      datapointAtMs = nowMs - (nowMs % DATAPOINT_MS);
      const times =
        backlog.waiting / Math.max(1, desired) / messagesPerMachine({ backlog, measured }, settings);
      const step = backlog.waiting > 0 && desired === 0 ? STEPS[1] : STEPS.find(({ from }) => times >= from);
      below = times < IN_SHARE ? below + 1 : 0;
      if (step !== undefined && nowMs >= warmAtMs) {
        desired += Math.max(1, Math.ceil(desired * step.growth));
        warmAtMs = nowMs + WARM_UP_MS;
      }
      if (below >= IN_DATAPOINTS) {
        desired -= Math.min(desired, Math.max(1, Math.floor(desired * IN_STEP)));
        below = 0;
      }
    }
    return { machines: desired, reason: `a step policy wants ${desired} workers` };
  };
}
