import { MAX_BATCH } from '../../../core/job/messages.ts';
import type { PolicySettings } from '../../../scaler/policy/policy.ts';
import type { Measured } from '../../../scaler/snapshot.ts';

/** Every rival is tuned: it knows how many messages a machine does within the target time. */
export const messagesPerMachine = (
  { imagesPerSecond }: Measured,
  { targetMs }: Pick<PolicySettings, 'targetMs'>,
): number => (imagesPerSecond * targetMs) / 1000 / MAX_BATCH;
