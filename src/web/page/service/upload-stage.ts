import { pauseMs } from './retry.ts';
import { sleepUntilOnline } from './sleep-until-online.ts';

/** Progress of an upload. */
export type UploadStage =
  | { name: 'sending'; sentBytes: number; totalBytes: number }
  /** Everything is sent, and the response is awaited. */
  | { name: 'storing' }
  | { name: 'pausing'; reason: string; untilMs: number };

export type OnStage = (stage: UploadStage) => void;

/** Waits before the next try, longer each time. @throws the signal's reason when it aborts */
export async function pauseBeforeRetry(
  {
    reason,
    failures,
    retryAfter,
  }: { reason: string; failures: number; retryAfter?: string | null | undefined },
  onStage: OnStage,
  signal: AbortSignal,
): Promise<void> {
  const ms = pauseMs(failures, retryAfter);
  onStage({ name: 'pausing', reason, untilMs: Date.now() + ms });
  await sleepUntilOnline(ms, signal);
}
