/** Clouds of the AWS adapters, for tests over a stand-in that the environment names. */
import { randomUUID } from 'node:crypto';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Timing } from '../../src/aws/retry.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { describeQueues } from './queue-suite.ts';
import { describeStore } from './store-suite.ts';

export class AwsClouds {
  readonly #open: Cloud[] = [];

  open(bucket: string, timing?: Timing): Cloud {
    const buckets = { inputBucket: bucket, outputBucket: bucket };
    const cloud = createAwsCloud({ cluster: 'test', ...buckets, concurrency: 32, ...(timing && { timing }) });
    this.#open.push(cloud);
    return cloud;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((cloud) => cloud.close()));
  }
}

export async function makeBucket(): Promise<string> {
  const bucket = `imgcls-contract-${randomUUID()}`;
  const admin = new S3Client({ forcePathStyle: true });
  await admin.send(new CreateBucketCommand({ Bucket: bucket }));
  admin.destroy();
  return bucket;
}

export function describeAwsStore(clouds: AwsClouds): void {
  describeStore('AWS', async () => {
    const bucket = await makeBucket();
    return {
      store: clouds.open(bucket).output,
      second: async () => clouds.open(bucket).output,
      release: async () => {},
    };
  });
}

export function describeAwsQueues(clouds: AwsClouds): void {
  describeQueues('AWS', async () => ({
    queues: clouds.open('unused').queues,
    second: async () => clouds.open('unused').queues,
    release: async () => {},
  }));
}
