/**
 * The fake AWS in the network of a test's machine: moto, and the metadata service at its real address. It serves the user data
 * of its argument, with MOTO replaced by the address of moto. Prints `ready <url of moto>`. A line on standard input is the
 * time of a spot notice.
 */
import { CreateLaunchTemplateCommand } from '@aws-sdk/client-ec2';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { createEc2Client, createS3Client } from '../../../src/aws/clients.ts';
import { createAwsCloud } from '../../../src/aws/cloud.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../../../src/core/job/keys.ts';
import { standInEnvironment, startMoto } from '../../contract/moto.ts';
import { startStandInMetadata } from '../../contract/stand-in-metadata.ts';
import { BUCKETS, LAUNCH_TEMPLATE } from '../cluster.ts';
import { METADATA_HOST } from '../debian-root.ts';

const [userData = ''] = process.argv.slice(2);
const ROLE = '/latest/meta-data/iam/security-credentials/';
const CREDENTIALS = {
  Code: 'Success',
  AccessKeyId: 'testing',
  SecretAccessKey: 'testing',
  Token: 'testing',
  Expiration: new Date(Date.now() + 3_600_000).toISOString(),
};
const IDENTITY = {
  instanceId: 'i-0123456789abcdef0',
  instanceType: 'c7i.large',
  region: 'us-east-1',
  pendingTime: new Date().toISOString(),
};

const moto = await startMoto();
if (moto === undefined) throw new Error('moto did not start.');
for (const [name, value] of Object.entries(standInEnvironment(moto.url))) {
  if (value === undefined) delete process.env[name];
  else process.env[name] = value;
}
const s3 = createS3Client();
for (const Bucket of Object.values(BUCKETS)) await s3.send(new CreateBucketCommand({ Bucket }));
s3.destroy();
const ec2 = createEc2Client();
await ec2.send(
  new CreateLaunchTemplateCommand({
    LaunchTemplateName: LAUNCH_TEMPLATE,
    LaunchTemplateData: { ImageId: 'ami-12c6146b', InstanceType: 'c7i.large' },
  }),
);
ec2.destroy();
const cloud = createAwsCloud({ cluster: 'default', ...BUCKETS });
for (const name of [deadLetterQueueName, requestQueueName, interactiveQueueName])
  await cloud.queues.create(name('default'));
await cloud.close();

const service = await startStandInMetadata(IDENTITY, { host: METADATA_HOST, port: 80 });
Object.assign(service.answers, {
  '/latest/user-data': userData.replaceAll('MOTO', moto.url),
  [ROLE]: 'worker',
  [`${ROLE}worker`]: JSON.stringify(CREDENTIALS),
});
process.stdin.setEncoding('utf8').on('data', (time: string) => {
  const notice = JSON.stringify({ action: 'terminate', time: time.trim() });
  service.answers['/latest/meta-data/spot/instance-action'] = notice;
});
process.stdin.once('end', async () => {
  service.close();
  await moto.close();
});
console.log(`ready ${moto.url}`);
