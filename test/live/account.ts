// The AWS account, without imgcls: its id, and what remains of a cluster.

import { CloudFormationClient, DescribeStacksCommand } from '@aws-sdk/client-cloudformation';
import {
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { HeadBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { awsError, hasCode, statusOf } from '../../src/aws/errors.ts';

/** Tags of every instance of a cluster, and of every image from `imgcls ami build`. */
const CLUSTER_TAG = 'imgcls:cluster';
const IMAGE_TAG = 'imgcls:image';

export interface Account {
  id: string;
  region: string;
  /** Deregisters an image and deletes its snapshots. */
  removeImage(image: string): Promise<void>;
  /** Lists the resources of the cluster, and imgcls images created since then. */
  leftovers(cluster: string, sinceMs: number): Promise<string[]>;
  close(): void;
}

/** @throws {ImgclsError} without credentials. */
export async function openAccount(): Promise<Account> {
  const sts = new STSClient();
  const { Account: id = '' } = await sts.send(new GetCallerIdentityCommand()).catch((error: unknown) => {
    throw awsError(error, 'identify the credentials (sts:GetCallerIdentity)');
  });
  const region = await sts.config.region();
  const ec2 = new EC2Client();
  const cloudFormation = new CloudFormationClient();
  const s3 = new S3Client();

  const stacksOf = async (cluster: string): Promise<string[]> => {
    try {
      const found = await cloudFormation.send(new DescribeStacksCommand({ StackName: `imgcls-${cluster}` }));
      return (found.Stacks ?? []).map(({ StackName, StackStatus }) => `stack ${StackName} (${StackStatus})`);
    } catch (error) {
      // CloudFormation reports a missing stack as a ValidationError.
      if (hasCode(error, 'ValidationError')) return [];
      throw error;
    }
  };
  const instancesOf = async (cluster: string): Promise<string[]> => {
    const Filters = [
      { Name: `tag:${CLUSTER_TAG}`, Values: [cluster] },
      { Name: 'instance-state-name', Values: ['pending', 'running', 'stopping', 'stopped'] },
    ];
    const found = await ec2.send(new DescribeInstancesCommand({ Filters }));
    const instances = (found.Reservations ?? []).flatMap(({ Instances = [] }) => Instances);
    return instances.map(({ InstanceId, State }) => `instance ${InstanceId} (${State?.Name})`);
  };
  const imagesSince = async (sinceMs: number): Promise<string[]> => {
    const Filters = [{ Name: 'tag-key', Values: [IMAGE_TAG] }];
    const { Images = [] } = await ec2.send(new DescribeImagesCommand({ Owners: ['self'], Filters }));
    const created = Images.filter(({ CreationDate = '' }) => Date.parse(CreationDate) >= sinceMs);
    return created.map(({ ImageId, Name }) => `image ${ImageId} (${Name})`);
  };
  const bucketsOf = async (cluster: string): Promise<string[]> => {
    const names = ['input', 'output'].map((what) => `imgcls-${cluster}-${what}-${id}-${region}`);
    const found = await Promise.all(
      names.map(async (Bucket) => {
        try {
          await s3.send(new HeadBucketCommand({ Bucket }));
          return [`bucket ${Bucket}`];
        } catch (error) {
          if (statusOf(error) === 404) return [];
          throw error;
        }
      }),
    );
    return found.flat();
  };

  return {
    id,
    region,
    async removeImage(ImageId) {
      await ec2.send(new DeregisterImageCommand({ ImageId, DeleteAssociatedSnapshots: true }));
    },
    async leftovers(cluster, sinceMs) {
      const found = [stacksOf(cluster), instancesOf(cluster), bucketsOf(cluster), imagesSince(sinceMs)];
      return (await Promise.all(found)).flat();
    },
    close() {
      for (const client of [sts, ec2, cloudFormation, s3]) client.destroy();
    },
  };
}
