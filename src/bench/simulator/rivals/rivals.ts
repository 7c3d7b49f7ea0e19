/** Other systems' rules, to compare with. Each is better than the real one in two ways: no busy machine is ended, no metric late. */
import type { Policy } from '../../../scaler/policy/policy.ts';
import { createBuildkite } from './buildkite.ts';
import { createKeda } from './keda.ts';
import { createStepScaling } from './step-scaling.ts';
import { createTargetTracking } from './target-tracking.ts';

type Create = (now: () => number) => Policy;

const rivals = {
  'target-tracking': (now) => createTargetTracking(now, ({ waiting }) => waiting),
  'step-scaling': createStepScaling,
  keda: createKeda,
  buildkite: createBuildkite,
  'sagemaker-async': (now) => createTargetTracking(now, ({ waiting, inFlight }) => waiting + inFlight),
} as const satisfies Readonly<Record<string, Create>>;

/** `per-message` is a policy of the controller itself. */
export const policyNames = [
  'backlog',
  'per-message',
  ...(Object.keys(rivals) as (keyof typeof rivals)[]),
] as const;
export type PolicyName = (typeof policyNames)[number];

/** Undefined for a policy of the controller. */
export const createRival = (name: PolicyName, now: () => number): Policy | undefined =>
  Object.hasOwn(rivals, name) ? rivals[name as keyof typeof rivals](now) : undefined;
