// Builds what commands that deploy and destroy stand on, in one region of one account.

import { createEc2Client, createS3Client, createSqsClient } from '../aws/clients.ts';
import { createScalingGroups } from '../aws/close-groups.ts';
import { createStacks } from '../aws/cloudformation.ts';
import { createEc2 } from '../aws/ec2.ts';
import { createBuckets } from '../aws/empty-bucket.ts';
import { createNetwork } from '../aws/network.ts';
import { createS3Store } from '../aws/s3-store.ts';
import { createSecrets } from '../aws/secret-recovery.ts';
import { createSqsQueues } from '../aws/sqs-queues.ts';
import { createWorkerImages } from '../aws/worker-images.ts';
import type { Cleanup } from '../core/runtime/cleanup.ts';
import { loadSettings, type RunSettings } from './settings.ts';

/** Stands for what only a deployment knows. */
const UNMADE = 'unmade';

/** Settings for a cluster that is still to be made, or half gone: that they lack its buckets is no problem. */
export const settingsToDeploy = (flags: {
  cluster: string | undefined;
  dataDir: string | undefined;
}): RunSettings =>
  loadSettings({ ...flags, cloud: 'aws', inputBucket: UNMADE, outputBucket: UNMADE }).settings;

/** @param region else AWS's own setting. */
export function openAccount(region: string | undefined, cleanup: Cleanup) {
  const options = region === undefined ? {} : { region };
  const ec2Client = createEc2Client(options);
  const s3 = createS3Client(options);
  const sqs = createSqsClient(options);
  const stacks = createStacks(options);
  const groups = createScalingGroups(options);
  const secrets = createSecrets(options);
  for (const client of [ec2Client, s3, sqs]) cleanup.add(() => client.destroy());
  cleanup.add(() => stacks.end());
  cleanup.add(() => groups.end());
  cleanup.add(() => secrets.end());
  return {
    stacks,
    groups,
    secrets,
    ec2: createEc2(ec2Client),
    network: createNetwork(ec2Client),
    images: createWorkerImages(ec2Client),
    buckets: createBuckets(s3),
    store: (bucket: string) => createS3Store(s3, bucket),
    queues: createSqsQueues(sqs),
  };
}

export type Account = ReturnType<typeof openAccount>;
