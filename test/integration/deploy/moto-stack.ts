// Deploys the template to the moto server.

import { readFileSync } from 'node:fs';
import {
  type CloudFormationClient,
  CreateStackCommand,
  DescribeStacksCommand,
  paginateListStackResources,
} from '@aws-sdk/client-cloudformation';
import {
  DescribeImagesCommand,
  DescribeSubnetsCommand,
  DescribeVpcsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { createAssetStore } from '../../../src/aws/asset-store.ts';
import { createS3Client } from '../../../src/aws/clients.ts';
import { assetsBucketOf, controllerCode } from '../../../src/deploy/controller-code.ts';
import { TEMPLATE_FILE } from './template.ts';

export interface MotoStack {
  outputs: Record<string, string>;
  /** Physical ids in moto, by logical id. */
  physicalIds: Map<string, string>;
}

const ACCOUNT = { account: '123456789012', region: 'us-east-1' };

/** Stores what moto takes for the controller's code. @returns its key. */
async function storeCode(): Promise<string> {
  const { key, zip } = controllerCode([{ name: 'index.mjs', bytes: Buffer.from('export {};') }]);
  const s3 = createS3Client();
  const { account: owner, region } = ACCOUNT;
  await createAssetStore(s3).put({ bucket: assetsBucketOf(ACCOUNT), key, bytes: zip, owner, region });
  s3.destroy();
  return key;
}

/** Parameters with resources that every account has, and the controller's code. */
export async function placeOf(ec2: EC2Client): Promise<Record<string, string>> {
  const { Vpcs: [vpc] = [] } = await ec2.send(new DescribeVpcsCommand({}));
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({}));
  const { Images = [] } = await ec2.send(new DescribeImagesCommand({}));
  const image = Images.find(({ Architecture }) => Architecture === 'x86_64');
  const subnets = Subnets.slice(0, 2).map(({ SubnetId }) => SubnetId);
  return {
    VpcId: vpc?.VpcId ?? '',
    SubnetIds: subnets.join(','),
    WorkerImageId: image?.ImageId ?? '',
    ControllerCode: await storeCode(),
  };
}

/** @throws when the deployment fails. */
export async function makeStack(
  client: CloudFormationClient,
  name: string,
  parameters: Readonly<Record<string, string>>,
): Promise<MotoStack> {
  await client.send(
    new CreateStackCommand({
      StackName: name,
      TemplateBody: readFileSync(TEMPLATE_FILE, 'utf8'),
      Capabilities: ['CAPABILITY_IAM'],
      Parameters: Object.entries(parameters).map(([ParameterKey, ParameterValue]) => ({
        ParameterKey,
        ParameterValue,
      })),
    }),
  );
  const { Stacks: [made] = [] } = await client.send(new DescribeStacksCommand({ StackName: name }));
  if (made?.StackStatus !== 'CREATE_COMPLETE') throw new Error(`Stack ${name} is ${made?.StackStatus}.`);
  const physicalIds = new Map<string, string>();
  for await (const { StackResourceSummaries = [] } of paginateListStackResources(
    { client },
    { StackName: name },
  ))
    for (const { LogicalResourceId, PhysicalResourceId = '' } of StackResourceSummaries)
      if (LogicalResourceId) physicalIds.set(LogicalResourceId, PhysicalResourceId);
  const outputs = (made.Outputs ?? []).map(
    ({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue] as const,
  );
  return { outputs: Object.fromEntries(outputs), physicalIds };
}
