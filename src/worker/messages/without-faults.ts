import type { BatchPlace } from '../../core/job/keys.ts';
import type { ImageError, ImageResult } from '../../core/model/outcome.ts';
import { unlessAborted } from '../../core/runtime/abort.ts';
import { messageOf } from '../../core/runtime/errors.ts';
import type { Log } from '../../core/runtime/log.ts';
import { MachineFaultError } from '../../core/runtime/machine-fault.ts';
import { AGREEING_WORKERS, type FaultAgreement } from './fault-agreement.ts';
import type { HeldMessage } from './held-message.ts';
import { type RetryOptions, withRetries } from './retry.ts';

export interface FaultTools extends Omit<RetryOptions, 'signal'> {
  /** Absent for the interactive queue: its callers do not wait until three workers have failed. */
  faults?: Pick<FaultAgreement, 'isReached'>;
  log: Log;
}

/** The result of an image, or the fault of this machine that left it without one. */
export type ResultOrFault = ImageResult | MachineFaultError;

/**
 * The results of a batch, with errors in place of faults.
 * @throws {MachineFaultError} the first fault, unless enough workers have failed at the batch.
 */
export async function withoutFaults(
  held: HeldMessage,
  place: BatchPlace,
  found: readonly ResultOrFault[],
  tools: FaultTools,
): Promise<ImageResult[]> {
  const fault = found.find((each) => each instanceof MachineFaultError);
  if (fault === undefined) return found as ImageResult[];
  const { faults, log } = tools;
  const { signal } = held;
  if (faults === undefined) throw fault;
  const isReached = () => unlessAborted(faults.isReached(place, fault), signal);
  const retrying = { ...tools, signal };
  const isAgreed = await withRetries(isReached, retrying).catch((error: unknown) => {
    // The fault is what stops the worker, whether or not it can be recorded.
    log.warn({ ...held.logFields, error: messageOf(error) }, 'Failed to record the fault of this machine.');
    return false;
  });
  if (!isAgreed) throw fault;
  const fields = { ...held.logFields, workers: AGREEING_WORKERS, error: fault.message };
  log.warn(fields, 'Several workers failed at this batch. Its images get errors.');
  return found.map((each) => (each instanceof MachineFaultError ? { error: errorOf(each) } : each));
}

const errorOf = ({ code, message }: MachineFaultError): ImageError => ({
  code,
  message: `${AGREEING_WORKERS} workers could not classify the image. The last one: ${message}`,
});
