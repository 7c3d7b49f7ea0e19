import { SMALL_BATCH } from '../../../core/job/batches.ts';
import type { KnownSnapshot, PolicySettings } from '../../../scaler/policy/policy.ts';

/** Every rival is tuned: it knows how many messages, of as many images as those of now, a machine does within the target time. */
export function messagesPerMachine(
  { backlog, measured }: Pick<KnownSnapshot, 'backlog' | 'measured'>,
  { targetMs }: Pick<PolicySettings, 'targetMs'>,
): number {
  const messages = backlog.waiting + backlog.inFlight + backlog.delayed;
  const imagesPerMessage = messages === 0 ? SMALL_BATCH : backlog.images / messages;
  return (measured.imagesPerSecond * targetMs) / 1000 / imagesPerMessage;
}
