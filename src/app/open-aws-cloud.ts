import { requireConditionalWrites } from '../core/cloud/conditional-writes.ts';
import type { Cloud } from '../core/cloud/ports.ts';
import { TRIAL_KEY } from '../core/job/keys.ts';
import { ImgclsError } from '../core/runtime/errors.ts';
import type { RunSettings } from './settings.ts';

/** The cloud of a cluster on AWS. @throws {ImgclsError} of kind `config` when a bucket is not set, or its server cannot serve. */
export async function openAwsCloud(settings: RunSettings): Promise<Cloud> {
  const { cluster, inputBucket, outputBucket, concurrency, requestPayer } = settings;
  if (inputBucket === undefined || outputBucket === undefined) {
    throw new ImgclsError('config', 'Cloud aws needs inputBucket and outputBucket.');
  }
  const { createAwsCloud } = await import('../aws/cloud.ts');
  const cloud = await createAwsCloud({ cluster, inputBucket, outputBucket, concurrency, requestPayer });
  const { configuredEndpoints } = await import('../aws/endpoints.ts');
  if ((await configuredEndpoints()).s3 !== undefined) await tryOtherServer(cloud);
  return cloud;
}

/** A command does not wait longer for a server that may be down: it says so itself, and retries. */
const TRIAL_MS = 2_000;

/**
 * Refuses an S3 server without conditional writes. Other errors, such as a missing permission, are left to the operations
 * that they concern.
 */
async function tryOtherServer(cloud: Cloud): Promise<void> {
  try {
    await requireConditionalWrites(cloud.output, TRIAL_KEY, AbortSignal.timeout(TRIAL_MS));
  } catch (error) {
    if (!(error instanceof ImgclsError && error.kind === 'config')) return;
    await cloud.close();
    throw error;
  }
}
