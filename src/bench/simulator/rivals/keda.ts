/**
 * KEDA's aws-sqs-queue scaler with the HorizontalPodAutoscaler that it makes, with their defaults: KEDA polls every 30 s and
 * starts the first pod, messages in flight count, the autoscaler looks every 15 s, at most doubles or adds four, and shrinks to
 * the most that it wanted within 300 s; KEDA goes to zero 300 s after the queue was last seen with messages. A pod is a machine.
 */
import type { Policy } from '../../../scaler/policy/policy.ts';
import { messagesPerMachine } from './rival.ts';

const POLL_MS = 30_000;
const SYNC_MS = 15_000;
const STABILISATION_MS = 300_000;
const COOLDOWN_MS = 300_000;
const MOST_ADDED = 4;

/** @param now the time, in milliseconds. */
export function createKeda(now: () => number): Policy {
  let length = 0;
  let polledAtMs = Number.NEGATIVE_INFINITY;
  let syncedAtMs = Number.NEGATIVE_INFINITY;
  let activeAtMs = Number.NEGATIVE_INFINITY;
  let replicas = 0;
  let wanted: { atMs: number; count: number }[] = [];
  return ({ backlog, measured }, settings) => {
    const nowMs = now();
    if (nowMs - polledAtMs >= POLL_MS) {
      polledAtMs = nowMs - (nowMs % POLL_MS);
      length = backlog.waiting + backlog.inFlight;
      if (length > 0) activeAtMs = nowMs;
      if (length > 0 && replicas === 0) replicas = 1;
    }
    if (nowMs - syncedAtMs >= SYNC_MS && replicas > 0) {
      syncedAtMs = nowMs - (nowMs % SYNC_MS);
      const count = Math.max(1, Math.ceil(length / messagesPerMachine({ backlog, measured }, settings)));
      wanted = [...wanted.filter(({ atMs }) => nowMs - atMs < STABILISATION_MS), { atMs: nowMs, count }];
      const stable = Math.max(...wanted.map((each) => each.count));
      replicas =
        count > replicas
          ? Math.min(count, Math.max(2 * replicas, replicas + MOST_ADDED))
          : Math.min(replicas, stable);
    }
    if (length === 0 && nowMs - activeAtMs >= COOLDOWN_MS) replicas = 0;
    return { machines: replicas, reason: `an autoscaler wants ${replicas} workers` };
  };
}
