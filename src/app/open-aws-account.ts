// Opens the AWS clients of one account and region, for `imgcls deploy` and `imgcls destroy`.

import { createAssetStore } from '../aws/asset-store.ts';
import { createEc2Client, createS3Client, createSqsClient } from '../aws/clients.ts';
import { createScalingGroups } from '../aws/close-groups.ts';
import { createStacks } from '../aws/cloudformation.ts';
import { createEc2 } from '../aws/ec2.ts';
import { createEc2Images } from '../aws/ec2-images.ts';
import { createBuckets } from '../aws/empty-bucket.ts';
import { createFunctions } from '../aws/functions.ts';
import { createNetwork } from '../aws/network.ts';
import { createQuotas } from '../aws/quotas.ts';
import { createS3Store } from '../aws/s3-store.ts';
import { createSecrets } from '../aws/secret-recovery.ts';
import { createSqsQueues } from '../aws/sqs-queues.ts';
import { createVolumes } from '../aws/volumes.ts';
import type { Cleanup } from '../core/runtime/cleanup.ts';
import { loadSettings, type RunSettings } from './settings.ts';

/** Placeholder for a bucket name that only the deployment knows. */
const NOT_DEPLOYED = 'not-deployed';

/** Settings of a cluster that may not exist yet, or no longer: its bucket names are not required. */
export const deploymentSettings = (flags: {
  cluster: string | undefined;
  dataDir: string | undefined;
}): RunSettings =>
  loadSettings({ ...flags, cloud: 'aws', inputBucket: NOT_DEPLOYED, outputBucket: NOT_DEPLOYED }).settings;

/** @param region default: the region of the AWS configuration. */
export function openAwsAccount(region: string | undefined, cleanup: Cleanup) {
  const options = region === undefined ? {} : { region };
  const ec2Client = createEc2Client(options);
  const s3 = createS3Client(options);
  const sqs = createSqsClient(options);
  const stacks = createStacks(options);
  const groups = createScalingGroups(options);
  const secrets = createSecrets(options);
  const functions = createFunctions(options);
  const quotas = createQuotas(options);
  for (const client of [ec2Client, s3, sqs]) cleanup.add(() => client.destroy());
  cleanup.add(() => stacks.end());
  cleanup.add(() => groups.end());
  cleanup.add(() => secrets.end());
  cleanup.add(() => functions.end());
  cleanup.add(() => quotas.end());
  return {
    stacks,
    groups,
    secrets,
    functions,
    quotas,
    ec2: createEc2(ec2Client),
    network: createNetwork(ec2Client),
    volumes: createVolumes(ec2Client),
    images: createEc2Images(ec2Client),
    buckets: createBuckets(s3),
    assets: createAssetStore(s3),
    store: (bucket: string) => createS3Store(s3, bucket),
    queues: createSqsQueues(sqs),
  };
}

/** The stacks of the account, in the region of the AWS configuration. */
export const openStacks = () => createStacks({});

export type AwsAccount = ReturnType<typeof openAwsAccount>;
