/**
 * Buildkite's agent scaler: every 10 s it asks for as many instances as have agents for all scheduled and running jobs. It never
 * asks for fewer: an instance ends itself once it is idle. Here the controller ends those that are idle and not asked for.
 */
import type { Policy } from '../../../scaler/policy/policy.ts';
import { messagesPerMachine } from './rival.ts';

const POLL_MS = 10_000;

/** @param now the time, in milliseconds. */
export function createBuildkite(now: () => number): Policy {
  let desired = 0;
  let polledAtMs = Number.NEGATIVE_INFINITY;
  return ({ backlog, measured }, settings) => {
    const nowMs = now();
    if (nowMs - polledAtMs >= POLL_MS) {
      polledAtMs = nowMs - (nowMs % POLL_MS);
      desired = Math.ceil(
        (backlog.waiting + backlog.inFlight) / messagesPerMachine({ backlog, measured }, settings),
      );
    }
    return { machines: desired, reason: `a scaler wants ${desired} workers` };
  };
}
