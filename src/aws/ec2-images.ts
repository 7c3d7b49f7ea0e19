import {
  CreateImageCommand,
  CreateSecurityGroupCommand,
  DeleteSecurityGroupCommand,
  DeleteSnapshotCommand,
  DeregisterImageCommand,
  DescribeImagesCommand,
  DescribeInstancesCommand,
  DescribeSecurityGroupsCommand,
  type EC2Client,
  type Image,
  paginateDescribeInstances,
  paginateDescribeLaunchTemplateVersions,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import { IMAGE_TAG, VERSION_TAG } from '../core/aws-account/account.ts';
import type { BuilderLaunch, Ec2Images, NewImage } from '../core/aws-account/ec2-images.ts';
import { consoleOutput } from './console-output.ts';
import { hasCode } from './errors.ts';
import { calling } from './retry.ts';
import { createWorkerImages } from './worker-images.ts';

const ARCHITECTURE_TAG = 'imgcls:architecture';
const BUILDER_TAG = 'imgcls:image-builder';
const BUILDER_GROUP = 'imgcls-image-builder';

/** A public parameter that Amazon keeps up to date. EC2 resolves it. */
const AMAZON_LINUX = 'resolve:ssm:/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default';
const ROOT_DEVICE = '/dev/xvda';
/** The size of Amazon Linux's own image. The system, imgcls and one or two models use half of it. */
const ROOT_GIB = 8;

/** The Ec2Images port over the SDK. */
export function createEc2Images(client: EC2Client): Ec2Images {
  return {
    ...createWorkerImages(client),
    builderGroup: (vpc) => builderGroup(client, vpc),
    removeBuilderGroups: () => removeBuilderGroups(client),
    launchBuilder: (launch) =>
      calling('launch a builder (ec2:RunInstances)', undefined, async () => {
        const { Instances = [] } = await client.send(new RunInstancesCommand(builderRequest(launch)));
        return Instances[0]?.InstanceId ?? '';
      }),
    builders: () =>
      calling('list builders (ec2:DescribeInstances)', undefined, async () => {
        const states = ['pending', 'running', 'stopping', 'stopped'];
        const Filters = [
          { Name: 'tag-key', Values: [BUILDER_TAG] },
          { Name: 'instance-state-name', Values: states },
        ];
        const pages = await Array.fromAsync(paginateDescribeInstances({ client }, { Filters }));
        const reservations = pages.flatMap(({ Reservations = [] }) => Reservations);
        return reservations
          .flatMap(({ Instances = [] }) => Instances)
          .map(({ InstanceId = '', LaunchTime }) => ({
            id: InstanceId,
            launchedAtMs: LaunchTime?.getTime() ?? 0,
          }));
      }),
    builderState: (id) =>
      orUndefined('InvalidInstanceID.NotFound', () =>
        calling(`read the state of builder ${id} (ec2:DescribeInstances)`, undefined, async () => {
          const { Reservations = [] } = await client.send(
            new DescribeInstancesCommand({ InstanceIds: [id] }),
          );
          return Reservations[0]?.Instances?.[0]?.State?.Name;
        }),
      ),
    consoleOutput: (id) => consoleOutput(client, id),
    async terminate(id) {
      await orUndefined('InvalidInstanceID.NotFound', () =>
        calling(`terminate builder ${id} (ec2:TerminateInstances)`, undefined, () =>
          client.send(new TerminateInstancesCommand({ InstanceIds: [id] })),
        ),
      );
    },
    createImage: (builder, image) =>
      calling(`create an image of ${builder} (ec2:CreateImage)`, undefined, async () => {
        const { ImageId = '' } = await client.send(new CreateImageCommand(imageRequest(builder, image)));
        return ImageId;
      }),
    imageState: (id) =>
      calling(`read the state of image ${id} (ec2:DescribeImages)`, undefined, async () => {
        const { Images = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [id] }));
        const { State, StateReason, BlockDeviceMappings } = Images[0] ?? {};
        const state = State === 'available' || State === 'pending' ? State : 'failed';
        const why = StateReason?.Message ?? State;
        return { state, snapshots: snapshotsOf({ BlockDeviceMappings }), ...(why !== undefined && { why }) };
      }),
    used: () =>
      calling('read all launch templates (ec2:DescribeLaunchTemplateVersions)', undefined, async () => {
        const input = { Versions: ['$Latest', '$Default'] };
        const pages = await Array.fromAsync(paginateDescribeLaunchTemplateVersions({ client }, input));
        const versions = pages.flatMap(({ LaunchTemplateVersions = [] }) => LaunchTemplateVersions);
        return new Set(versions.flatMap(({ LaunchTemplateData }) => LaunchTemplateData?.ImageId ?? []));
      }),
    async remove({ id, snapshots }) {
      const gone = ['InvalidAMIID.NotFound', 'InvalidAMIID.Unavailable'];
      await orUndefined(gone, () =>
        calling(`deregister image ${id} (ec2:DeregisterImage)`, undefined, () =>
          client.send(new DeregisterImageCommand({ ImageId: id })),
        ),
      );
      for (const SnapshotId of snapshots) {
        await orUndefined('InvalidSnapshot.NotFound', () =>
          calling(`delete snapshot ${SnapshotId} (ec2:DeleteSnapshot)`, undefined, () =>
            client.send(new DeleteSnapshotCommand({ SnapshotId })),
          ),
        );
      }
    },
  };
}

/** The groups of builders, in one VPC or in all. */
const builderGroups = (client: EC2Client, vpc?: string): Promise<string[]> =>
  calling('look for the security group of builders (ec2:DescribeSecurityGroups)', undefined, async () => {
    const Filters = [
      { Name: 'group-name', Values: [BUILDER_GROUP] },
      { Name: 'tag-key', Values: [BUILDER_TAG] },
      ...(vpc === undefined ? [] : [{ Name: 'vpc-id', Values: [vpc] }]),
    ];
    const { SecurityGroups = [] } = await client.send(new DescribeSecurityGroupsCommand({ Filters }));
    return SecurityGroups.flatMap(({ GroupId }) => GroupId ?? []);
  });

async function builderGroup(client: EC2Client, vpc: string): Promise<string> {
  const [present] = await builderGroups(client, vpc);
  if (present !== undefined) return present;
  return await calling(
    'create a security group for builders (ec2:CreateSecurityGroup)',
    undefined,
    async () => {
      const { GroupId = '' } = await client.send(
        new CreateSecurityGroupCommand({
          GroupName: BUILDER_GROUP,
          Description: 'Builders of imgcls machine images. No ingress',
          VpcId: vpc,
          TagSpecifications: [
            { ResourceType: 'security-group', Tags: [{ Key: BUILDER_TAG, Value: 'group' }] },
          ],
        }),
      );
      return GroupId;
    },
  );
}

async function removeBuilderGroups(client: EC2Client): Promise<string[]> {
  const groups = await builderGroups(client);
  for (const GroupId of groups)
    await orUndefined('InvalidGroup.NotFound', () =>
      calling(`delete security group ${GroupId} (ec2:DeleteSecurityGroup)`, undefined, () =>
        client.send(new DeleteSecurityGroupCommand({ GroupId })),
      ),
    );
  return groups;
}

function builderRequest({
  token,
  architecture,
  instanceType,
  network,
  userData,
}: BuilderLaunch): RunInstancesCommandInput {
  const Tags = [
    { Key: BUILDER_TAG, Value: token },
    { Key: 'Name', Value: 'imgcls image builder' },
  ];
  const { subnet, group, hasPublicAddress } = network;
  return {
    ClientToken: token,
    MinCount: 1,
    MaxCount: 1,
    ImageId: `${AMAZON_LINUX}-${architecture}`,
    InstanceType: instanceType as never,
    NetworkInterfaces: [
      { DeviceIndex: 0, SubnetId: subnet, Groups: [group], AssociatePublicIpAddress: hasPublicAddress },
    ],
    UserData: Buffer.from(userData).toString('base64'),
    // The image is made from the disk of the stopped builder.
    InstanceInitiatedShutdownBehavior: 'stop',
    MetadataOptions: { HttpTokens: 'required', HttpPutResponseHopLimit: 1 },
    BlockDeviceMappings: [
      {
        DeviceName: ROOT_DEVICE,
        Ebs: { VolumeSize: ROOT_GIB, VolumeType: 'gp3', Encrypted: true, DeleteOnTermination: true },
      },
    ],
    TagSpecifications: [
      { ResourceType: 'instance', Tags },
      { ResourceType: 'volume', Tags },
    ],
  };
}

function imageRequest(builder: string, { name, architecture, version }: NewImage) {
  const Tags = [
    { Key: IMAGE_TAG.key, Value: IMAGE_TAG.worker },
    { Key: VERSION_TAG, Value: version },
    { Key: ARCHITECTURE_TAG, Value: architecture },
    { Key: 'Name', Value: name },
  ];
  return {
    InstanceId: builder,
    Name: name,
    Description: `imgcls ${version}, worker, controller and page`,
    TagSpecifications: [
      { ResourceType: 'image' as const, Tags },
      { ResourceType: 'snapshot' as const, Tags },
    ],
  };
}

const snapshotsOf = ({ BlockDeviceMappings = [] }: Pick<Image, 'BlockDeviceMappings'>): string[] =>
  BlockDeviceMappings.flatMap(({ Ebs }) => Ebs?.SnapshotId ?? []);

/** The result of `call`; undefined if EC2 answers one of `codes`, which mean that the resource does not exist. */
async function orUndefined<T>(codes: string | string[], call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    const { cause } = error as Error;
    if (hasCode(cause, ...[codes].flat())) return undefined;
    throw error;
  }
}
