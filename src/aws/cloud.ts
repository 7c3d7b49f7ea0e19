/** The cloud of one cluster on AWS. */
import type { Cloud, Store } from '../core/cloud/ports.ts';
import { createS3Client, createSqsClient, type SdkClientOptions } from './clients.ts';
import { systemTiming, type Timing } from './retry.ts';
import { createS3Store } from './s3-store.ts';
import { createSqsQueues } from './sqs-queues.ts';

export interface AwsCloudOptions extends SdkClientOptions {
  cluster: string;
  inputBucket: string;
  outputBucket: string;
  timing?: Timing;
}

/**
 * Makes no request: a missing or wrong setting causes an error at first use.
 *
 * @example
 * const cloud = createAwsCloud({ cluster: 'default', inputBucket: 'my-in', outputBucket: 'my-out' });
 * try { await cloud.output.head('locks/controller.json'); } finally { await cloud.close(); }
 */
export function createAwsCloud(options: AwsCloudOptions): Cloud {
  const { cluster, inputBucket, outputBucket, timing = systemTiming } = options;
  const s3 = createS3Client(options);
  const sqs = createSqsClient(options);
  const stores = new Map<string, Store>();
  const bucket = (name: string): Store => {
    const store = stores.get(name) ?? createS3Store(s3, name, timing);
    stores.set(name, store);
    return store;
  };
  return {
    kind: 'aws',
    cluster,
    input: bucket(inputBucket),
    output: bucket(outputBucket),
    queues: createSqsQueues(sqs, timing),
    bucket,
    async close() {
      s3.destroy();
      sqs.destroy();
    },
  };
}

/** An S3 bucket whose images a cluster outside AWS reads in place. Its connections close when the process ends. */
export function openBucket(name: string, options: SdkClientOptions = {}): Store {
  return createS3Store(createS3Client(options), name);
}
