import {
  CreateFleetCommand,
  type CreateFleetCommandInput,
  CreateTagsCommand,
  DeleteTagsCommand,
  DescribeImagesCommand,
  DescribeInstanceTypesCommand,
  type EC2Client,
  type Instance,
  paginateDescribeInstances,
  RunInstancesCommand,
  type RunInstancesCommandInput,
  StartInstancesCommand,
  StopInstancesCommand,
  TerminateInstancesCommand,
} from '@aws-sdk/client-ec2';
import type { Ec2, Ec2Instance, Ec2Launch, LaunchRehearsal, Pool, Refusal } from '../core/aws-account/ec2.ts';
import { failureOf } from '../core/aws-account/instances-error.ts';
import { isTransient } from '../core/runtime/errors.ts';
import { consoleOutput } from './console-output.ts';
import { inChunks } from './ec2-chunks.ts';
import { offeringsOf } from './ec2-offerings.ts';
import { spotPricesOf } from './ec2-spot-prices.ts';
import { awsError, hasCode, isTransientCode } from './errors.ts';
import { readLaunchTemplate, templateSpecification } from './launch-template.ts';
import { calling } from './retry.ts';

const MEBIBYTE = 1024 * 1024;
const PAGE = 1000;

/** Errors that may not occur later, or in another pool. */
const CAPACITY_CODES = [
  'InsufficientInstanceCapacity',
  'InsufficientHostCapacity',
  'InsufficientReservedInstanceCapacity',
  'InsufficientFreeAddressesInSubnet',
  'SpotMaxPriceTooLow',
  'UnfulfillableCapacity',
  // The pool never has the type, but another may. CreateFleet uses the second one for a zone without the type.
  'Unsupported',
  'InvalidFleetConfiguration',
];

/** Limits of the account. Fewer instances may be within them. */
const ACCOUNT_CODES = [
  'VcpuLimitExceeded',
  'InstanceLimitExceeded',
  'MaxSpotInstanceCountExceeded',
  'MaxSpotFleetRequestCountExceeded',
  'MaxFleetCountExceeded',
];

/** Another time, or for fewer instances, the same request may succeed. */
const LIMIT_CODES = [...CAPACITY_CODES, ...ACCOUNT_CODES];

const mayPass = (code: string | undefined): boolean =>
  code !== undefined && (LIMIT_CODES.includes(code) || isTransientCode(code));

/** The Ec2 port over the SDK. */
export function createEc2(client: EC2Client): Ec2 & LaunchRehearsal {
  return {
    async describe({ key, value }) {
      const found: Ec2Instance[] = [];
      await calling('list instances (ec2:DescribeInstances)', undefined, async () => {
        const pages = paginateDescribeInstances(
          { client, pageSize: PAGE },
          { Filters: [{ Name: `tag:${key}`, Values: [value] }] },
        );
        for await (const { Reservations = [] } of pages)
          for (const { Instances = [] } of Reservations) found.push(...Instances.map(toInstance));
      });
      return found;
    },
    launch: (launch) => (isFleet(launch) ? createFleet(client, launch) : runInstances(client, launch)),
    rehearse: (launch) => rehearse(client, launch),
    tag: (ids, tags) =>
      inChunks(ids, 'tag instances (ec2:CreateTags)', (Resources) =>
        client.send(new CreateTagsCommand({ Resources, Tags: toTags(tags) })),
      ),
    untag: (ids, keys) =>
      inChunks(ids, 'untag instances (ec2:DeleteTags)', (Resources) =>
        client.send(new DeleteTagsCommand({ Resources, Tags: keys.map((Key) => ({ Key })) })),
      ),
    terminate: (ids) =>
      inChunks(ids, 'terminate instances (ec2:TerminateInstances)', (InstanceIds) =>
        client.send(new TerminateInstancesCommand({ InstanceIds })),
      ),
    stop: (ids) =>
      inChunks(ids, 'stop instances (ec2:StopInstances)', (InstanceIds) =>
        client.send(new StopInstancesCommand({ InstanceIds })),
      ),
    start: (ids) => startInstances(client, ids),
    consoleOutput: (id) => consoleOutput(client, id),
    ...offeringsOf(client),
    ...spotPricesOf(client),
    types: (names) =>
      calling(
        `look up instance types ${names.join(', ')} (ec2:DescribeInstanceTypes)`,
        undefined,
        async () => {
          const command = new DescribeInstanceTypesCommand({ InstanceTypes: names as [] });
          const { InstanceTypes = [] } = await client.send(command);
          return InstanceTypes.map(({ InstanceType, ProcessorInfo, MemoryInfo, VCpuInfo }) => ({
            type: String(InstanceType),
            architectures: (ProcessorInfo?.SupportedArchitectures ?? []).map(String),
            memoryBytes: (MemoryInfo?.SizeInMiB ?? 0) * MEBIBYTE,
            ...(VCpuInfo?.DefaultVCpus !== undefined && { vCpus: VCpuInfo.DefaultVCpus }),
          }));
        },
      ),
    template: (name) => readLaunchTemplate(client, name),
    imageArchitecture: (imageId) =>
      calling(`look up image ${imageId} (ec2:DescribeImages)`, undefined, async () => {
        const { Images = [] } = await client.send(new DescribeImagesCommand({ ImageIds: [imageId] }));
        return Images[0]?.Architecture;
      }),
  };
}

/** The code is a part of most messages. */
function reasonText(code: string, message: string): string {
  if (message === '') return code;
  return message.includes(code) ? message : `${code}: ${message}`;
}

function toInstance(instance: Instance): Ec2Instance {
  const { InstanceId, State, InstanceType, Placement, InstanceLifecycle, LaunchTime, Tags = [] } = instance;
  const { ImageId: image } = instance;
  const { Code, Message = '' } = instance.StateReason ?? {};
  return {
    id: InstanceId ?? '',
    state: State?.Name ?? 'pending',
    type: InstanceType ?? '',
    zone: Placement?.AvailabilityZone ?? '',
    market: InstanceLifecycle === 'spot' ? 'spot' : 'on-demand',
    launchedAtMs: LaunchTime?.getTime() ?? 0,
    tags: Object.fromEntries(Tags.map(({ Key = '', Value = '' }) => [Key, Value])),
    ...(image !== undefined && { image }),
    ...(Code && { stateReason: reasonText(Code, Message) }),
  };
}

const toTags = (tags: Readonly<Record<string, string>>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

const tagSpecifications = (tags: Ec2Launch['tags']) =>
  (['instance', 'volume'] as const).map((ResourceType) => ({ ResourceType, Tags: toTags(tags) }));

/**
 * CreateFleet is needed for several pools, for spot and for a subnet: RunInstances accepts no subnet if the template has
 * a network interface, and a template without public addresses has one.
 */
const isFleet = ({ pools, spot }: Ec2Launch): boolean =>
  pools.length > 1 || spot > 0 || pools.some(({ subnet }) => subnet !== undefined);

async function rehearse(client: EC2Client, launch: Ec2Launch): Promise<void> {
  const action = isFleet(launch) ? 'ec2:CreateFleet' : 'ec2:RunInstances';
  try {
    await (isFleet(launch)
      ? client.send(new CreateFleetCommand({ ...fleetRequest(launch), DryRun: true }))
      : client.send(new RunInstancesCommand({ ...runRequest(launch), DryRun: true })));
  } catch (error) {
    if (!hasCode(error, 'DryRunOperation')) throw awsError(error, `launch instances (${action})`);
  }
}

function runRequest({ token, template, pools, onDemand, tags }: Ec2Launch): RunInstancesCommandInput {
  const [{ instanceType } = {}] = pools;
  return {
    ClientToken: token,
    LaunchTemplate: templateSpecification(template),
    MinCount: 1,
    MaxCount: onDemand,
    TagSpecifications: tagSpecifications(tags),
    InstanceInitiatedShutdownBehavior: 'terminate',
    ...(instanceType !== undefined && { InstanceType: instanceType as never }),
  };
}

async function runInstances(client: EC2Client, launch: Ec2Launch) {
  try {
    const { Instances = [] } = await client.send(new RunInstancesCommand(runRequest(launch)));
    return { started: Instances.map(({ InstanceId = '' }) => InstanceId), refusals: [] };
  } catch (error) {
    return refusedWhole(error, 'launch instances (ec2:RunInstances)');
  }
}

/** A request that EC2 refused as a whole, for lack of capacity or a limit. @throws {ImgclsError} for any other error. */
function refusedWhole(error: unknown, what: string): { started: string[]; refusals: Refusal[] } {
  const { message: why } = awsError(error, what);
  const code = LIMIT_CODES.find((each) => hasCode(error, each));
  if (code === undefined) throw awsError(error, what);
  return { started: [], refusals: [{ code, why, mayPass: true, ...ofAccount(code) }] };
}

const ofAccount = (code: string): Pick<Refusal, 'ofAccount'> =>
  ACCOUNT_CODES.includes(code) ? { ofAccount: true } : {};

/** Asks for all pools in one synchronous call. The response lists what was launched and why the rest was not. */
async function createFleet(client: EC2Client, launch: Ec2Launch) {
  const request = fleetRequest(launch);
  const answer = await client
    .send(new CreateFleetCommand(request))
    .catch((error: unknown) => refusedWhole(error, 'launch instances (ec2:CreateFleet)'));
  if ('refusals' in answer) return answer;
  const { Instances = [], Errors = [] } = answer;
  const started = Instances.flatMap(({ InstanceIds = [] }) => InstanceIds);
  const refusals = Errors.map(
    ({ ErrorCode = 'Unknown', ErrorMessage, LaunchTemplateAndOverrides, Lifecycle }) => {
      const { InstanceType, SubnetId } = LaunchTemplateAndOverrides?.Overrides ?? {};
      const pool: Pool = {
        ...(InstanceType !== undefined && { instanceType: InstanceType }),
        ...(SubnetId !== undefined && { subnet: SubnetId }),
      };
      const where = [InstanceType, SubnetId].filter((part) => part !== undefined).join(' in ');
      const why = `EC2 could not launch ${where || 'an instance'}: ${ErrorMessage ?? ErrorCode} (${ErrorCode})`;
      return {
        code: ErrorCode,
        why,
        mayPass: mayPass(ErrorCode),
        ...(where !== '' && { pool }),
        ...(Lifecycle !== undefined && {
          market: Lifecycle === 'spot' ? ('spot' as const) : ('on-demand' as const),
        }),
        ...ofAccount(ErrorCode),
      };
    },
  );
  return { started, refusals };
}

function fleetRequest({ token, template, pools, onDemand, spot, tags }: Ec2Launch): CreateFleetCommandInput {
  const isRanked = pools.some(({ priority }) => priority !== undefined);
  return {
    ClientToken: token,
    Type: 'instant',
    LaunchTemplateConfigs: [
      {
        LaunchTemplateSpecification: templateSpecification(template),
        Overrides: pools
          .filter(({ instanceType, subnet }) => instanceType !== undefined || subnet !== undefined)
          .map(({ instanceType, subnet, priority }) => ({
            ...(priority !== undefined && { Priority: priority }),
            ...(instanceType !== undefined && { InstanceType: instanceType as never }),
            ...(subnet !== undefined && { SubnetId: subnet }),
          })),
      },
    ],
    TargetCapacitySpecification: {
      TotalTargetCapacity: onDemand + spot,
      OnDemandTargetCapacity: onDemand,
      SpotTargetCapacity: spot,
      DefaultTargetCapacityType: spot > 0 ? 'spot' : 'on-demand',
    },
    SpotOptions: {
      AllocationStrategy: isRanked ? 'capacity-optimized-prioritized' : 'price-capacity-optimized',
    },
    OnDemandOptions: { AllocationStrategy: isRanked ? 'prioritized' : 'lowest-price' },
    TagSpecifications: tagSpecifications(tags),
  };
}

async function startInstances(client: EC2Client, ids: readonly string[]): Promise<string[]> {
  const started: string[] = [];
  const starting = inChunks(ids, 'start instances (ec2:StartInstances)', async (InstanceIds) => {
    try {
      await client.send(new StartInstancesCommand({ InstanceIds }));
      started.push(...InstanceIds);
    } catch (error) {
      if (!hasCode(error, ...LIMIT_CODES)) throw error;
    }
  });
  const failure = await failureOf(starting);
  // Thrown, a refusal of some would hide the others, in whose place new ones would be launched too.
  if (failure !== undefined && (isTransient(failure) || started.length === 0)) throw failure;
  return started;
}
