import { pauseMs } from './retry.ts';
import { sleepUntilOnline } from './sleep-until-online.ts';

/** How far an upload is. */
export type UploadStage =
  | { name: 'sending'; sentBytes: number; totalBytes: number }
  /** All is sent; the service has still to answer. */
  | { name: 'storing' }
  | { name: 'pausing'; why: string; untilMs: number };

export type OnStage = (stage: UploadStage) => void;

/** Waits before the next try, longer each time. @throws the signal's reason when it aborts */
export async function pause(
  { why, failures, retryAfter }: { why: string; failures: number; retryAfter?: string | null | undefined },
  onStage: OnStage,
  signal: AbortSignal,
): Promise<void> {
  const ms = pauseMs(failures, retryAfter);
  onStage({ name: 'pausing', why, untilMs: Date.now() + ms });
  await sleepUntilOnline(ms, signal);
}
