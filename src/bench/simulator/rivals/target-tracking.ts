/**
 * An EC2 Auto Scaling group that tracks a backlog per instance, as AWS documents it for SQS. SageMaker Asynchronous Inference
 * scales in the same way, but its backlog also counts the requests that are being processed.
 *
 * - CloudWatch has one datapoint of the queue per minute, so shorter changes are invisible.
 * - Target tracking scales out when 3 datapoints in a row are above the target, and in when 15 are below (its alarms
 *   evaluate 3 and 15 periods of a minute). Then it sets the size that would meet the target.
 * - Default cooldown and warm-up are 300 s: it does not scale out again for that time.
 * - With zero instances there is no ratio per instance: a separate alarm on work without capacity starts one. Real alarms
 *   evaluate two minutes or more, this one a single minute.
 *
 * It is better than a real group in two ways: it never ends a busy machine, as a group without scale-in protection would,
 * and its metrics are never late.
 */
import type { Policy } from '../../../scaler/policy/policy.ts';
import type { Backlog } from '../../../scaler/snapshot.ts';
import { messagesPerMachine } from './rival.ts';

const DATAPOINT_MS = 60_000;
const OUT_DATAPOINTS = 3;
const IN_DATAPOINTS = 15;
const COOLDOWN_MS = 300_000;
/** It scales in if the ratio is below this share of the target. */
const IN_SHARE = 0.9;

interface State {
  desired: number;
  above: number;
  below: number;
  datapointAtMs: number;
  scaledOutAtMs: number;
}

/** @param now the time, in milliseconds. @param sizeOf the tracked number of messages. */
export function createTargetTracking(now: () => number, sizeOf: (backlog: Backlog) => number): Policy {
  const state: State = {
    desired: 0,
    above: 0,
    below: 0,
    datapointAtMs: Number.NEGATIVE_INFINITY,
    scaledOutAtMs: Number.NEGATIVE_INFINITY,
  };
  return ({ backlog, machines, measured }, settings) => {
    const nowMs = now();
    if (nowMs - state.datapointAtMs >= DATAPOINT_MS) {
      state.datapointAtMs = nowMs - (nowMs % DATAPOINT_MS);
      const target = messagesPerMachine({ backlog, measured }, settings);
      const inService = machines.filter(({ phase }) => phase !== 'booting').length;
      evaluate(state, { size: sizeOf(backlog), inService, target, nowMs });
    }
    return {
      machines: state.desired,
      reason: `an alarm on one-minute metrics wants ${state.desired} workers`,
    };
  };
}

interface Datapoint {
  /** Messages. */
  size: number;
  inService: number;
  /** Messages per instance. */
  target: number;
  nowMs: number;
}

function evaluate(state: State, { size, inService, target, nowMs }: Datapoint): void {
  if (state.desired === 0) {
    if (size > 0) scaleOut(state, 1, nowMs);
    return;
  }
  const each = size / Math.max(1, inService);
  state.above = each > target ? state.above + 1 : 0;
  state.below = each < IN_SHARE * target ? state.below + 1 : 0;
  const meets = Math.ceil(size / target);
  if (state.above >= OUT_DATAPOINTS && nowMs - state.scaledOutAtMs >= COOLDOWN_MS)
    scaleOut(state, Math.max(state.desired, meets), nowMs);
  if (state.below >= IN_DATAPOINTS) {
    state.desired = Math.min(state.desired, meets);
    state.below = 0;
  }
}

function scaleOut(state: State, desired: number, nowMs: number): void {
  state.desired = desired;
  state.scaledOutAtMs = nowMs;
  state.above = 0;
  state.below = 0;
}
