// A cluster on a stand-in for AWS: its buckets and queues.

import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createS3Client } from '../src/aws/clients.ts';
import { createAwsCloud } from '../src/aws/cloud.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../src/core/job/keys.ts';
import { standInEnvironment } from '../test/contract/moto.ts';

/** Makes the cluster. From now on this process uses the stand-in, too. @returns the settings of its processes. */
export async function makeStandInCluster(url: string, cluster: string): Promise<NodeJS.ProcessEnv> {
  Object.assign(process.env, standInEnvironment(url));
  for (const [name, value] of Object.entries(standInEnvironment(url)))
    if (value === undefined) delete process.env[name];
  const [inputBucket, outputBucket] = [`${cluster}-input`, `${cluster}-output`];
  const s3 = createS3Client();
  for (const Bucket of [inputBucket, outputBucket]) await s3.send(new CreateBucketCommand({ Bucket }));
  s3.destroy();
  const { queues, close } = createAwsCloud({ cluster, inputBucket, outputBucket });
  for (const nameOf of [deadLetterQueueName, interactiveQueueName]) await queues.create(nameOf(cluster));
  await queues.create(requestQueueName(cluster), {
    deadLetter: { queue: deadLetterQueueName(cluster), maxReceiveCount: 20 },
  });
  await close();
  return {
    IMGCLS_CLOUD: 'aws',
    IMGCLS_CLUSTER: cluster,
    IMGCLS_INPUT_BUCKET: inputBucket,
    IMGCLS_OUTPUT_BUCKET: outputBucket,
  };
}
