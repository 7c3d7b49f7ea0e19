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
import type { Cleanup } from '../core/cleanup.ts';

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
