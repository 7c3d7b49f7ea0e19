// The parameters of a deployment, from the flags and from what the account has.

import type { Functions, Volumes, WorkerImages } from '../core/aws-account/account.ts';
import type { Ec2, TypeInfo } from '../core/aws-account/ec2.ts';
import type { Network } from '../core/aws-account/network.ts';
import type { ParameterChoice, Stack, Stacks, TemplateSummary } from '../core/aws-account/stacks.ts';
import { messageOf } from '../core/runtime/errors.ts';
import { planEndpoints } from './endpoints.ts';
import { chooseMachineImage, type MachineImage, type MachineImageChoice } from './image.ts';
import { chooseNetwork, type NetworkKind, type NetworkPlacement } from './network.ts';
import { chooseParameters, parameterValue, type RequestedParameter } from './parameters.ts';
import { refuseStrandedPage, refuseTooFewZones } from './web-network.ts';

export interface ParameterRequest {
  cluster: string;
  /** From the settings. */
  model: string | undefined;
  wanted: readonly RequestedParameter[];
  summary: TemplateSummary;
  /** Version of this imgcls. */
  version: string;
  /** Key of the controller's code; undefined if the template has no such parameter. */
  controllerCode: string | undefined;
  notice(text: string): void;
  /** Builds a machine image for a type, in the VPC of the cluster. */
  buildImage(type: TypeInfo, vpc: string | undefined): Promise<MachineImage>;
}

export interface AccountView {
  network: Network;
  images: WorkerImages;
  ec2: Pick<Ec2, 'types' | 'imageArchitecture'>;
  functions: Functions;
  volumes: Volumes;
  stacks: Pick<Stacks, 'resources'>;
}

/**
 * Parameters without a flag are discovered when the cluster is created and kept afterwards. The image is discovered
 * each time, as there are newer ones, and the controller has the code of this imgcls.
 * @param stack undefined for a new cluster.
 */
export async function stackParameters(
  stack: Stack | undefined,
  request: ParameterRequest,
  account: AccountView,
): Promise<Record<string, ParameterChoice>> {
  const { cluster, model, summary, wanted, controllerCode } = request;
  const previous = stack?.parameters ?? {};
  const network = await newNetwork(stack, request, account);
  const machines = await newMachines(network?.VpcId ?? previous.VpcId, previous, request, account);
  return chooseParameters({
    summary,
    previous,
    wanted,
    found: {
      ClusterName: cluster,
      ...network,
      WorkerImageId: machines?.image,
      WebInstanceType: machines?.webType,
      InstanceTypes: onlyType(stack, request),
      ControllerCode: controllerCode,
      ReserveConcurrency: await newReservation(previous, request, account),
      VolumeKeyArn: await volumeKey(request, account),
      // An existing cluster keeps its model.
      Model: stack === undefined ? model : undefined,
    },
  });
}

async function newMachines(
  vpc: string | undefined,
  previous: Readonly<Record<string, string>>,
  { summary, wanted, version, notice, buildImage }: ParameterRequest,
  { images, ec2 }: AccountView,
): Promise<MachineImageChoice | undefined> {
  const workerType = parameterValue('InstanceType', { summary, previous, wanted });
  if (workerType === undefined || !declares(summary, 'WorkerImageId')) return undefined;
  const machines = await chooseMachineImage(
    { images, ec2, build: (type) => buildImage(type, vpc) },
    {
      workerType,
      webType: requestedValue(wanted, 'WebInstanceType') ?? previous.WebInstanceType,
      image: requestedValue(wanted, 'WorkerImageId'),
    },
    version,
  );
  if (machines.notice !== undefined) notice(machines.notice);
  return machines;
}

/** Undefined: as it is. A new account often has too few concurrent executions to reserve one. */
async function newReservation(
  previous: Readonly<Record<string, string>>,
  { summary }: ParameterRequest,
  { functions }: AccountView,
): Promise<string | undefined> {
  if (!declares(summary, 'ReserveConcurrency') || 'ReserveConcurrency' in previous) return undefined;
  return String(await functions.canReserveOne());
}

/** Undefined if a key of AWS encrypts volumes. A customer key needs permissions, without which instances end at once. */
async function volumeKey(
  { summary, notice }: ParameterRequest,
  { volumes }: AccountView,
): Promise<string | undefined> {
  if (!declares(summary, 'VolumeKeyArn')) return undefined;
  const key = await volumes.customerKey().catch((error: unknown) => {
    notice(`Whether a customer key encrypts volumes is unknown: ${messageOf(error)}`);
    return undefined;
  });
  if (key !== undefined)
    notice(
      `The account encrypts volumes with ${key}. The controller gets permission to use it. With --fleet asg or --with-web the key's policy must also allow it to AWSServiceRoleForAutoScaling.`,
    );
  return key;
}

/** Parameters of the network of a new cluster or one that moves; undefined when it stays. */
async function newNetwork(
  stack: Stack | undefined,
  request: ParameterRequest,
  account: AccountView,
): Promise<Record<string, string> | undefined> {
  const { summary, wanted } = request;
  const moves = ['VpcId', 'SubnetIds', 'Network'].some((name) => requestedValue(wanted, name) !== undefined);
  if (!declares(summary, 'SubnetIds') || (stack !== undefined && !moves)) return undefined;
  const previous = stack?.parameters ?? {};
  const value = (name: string) => parameterValue(name, { summary, previous, wanted });
  // A template without the parameter decides by itself how its machines reach AWS.
  const kind = (value('Network') ?? 'endpoints') as NetworkKind;
  const subnets = requestedValue(wanted, 'SubnetIds');
  const vpc = requestedValue(wanted, 'VpcId') ?? (subnets === undefined ? previous.VpcId : undefined);
  const hasPage = value('WithWeb') === 'true';
  const types = [value('InstanceType'), hasPage ? value('WebInstanceType') : undefined];
  const placement = await chooseNetwork(account.network, {
    kind,
    vpc,
    subnets,
    types: types.filter((type) => type !== undefined),
  });
  if (hasPage) {
    refuseStrandedPage(stack, placement.vpc);
    if (!value('WebSubnetIds')) refuseTooFewZones(placement);
  }
  return {
    VpcId: placement.vpc,
    SubnetIds: placement.subnets.map(({ id }) => id).join(','),
    ...(kind === 'endpoints' && (await newEndpoints(stack, placement, request, account))),
  };
}

async function newEndpoints(
  stack: Stack | undefined,
  placement: NetworkPlacement,
  { summary, notice }: ParameterRequest,
  { network, stacks }: AccountView,
): Promise<Record<string, string>> {
  if (!declares(summary, 'EndpointServices')) return {};
  const resources = stack === undefined ? [] : await stacks.resources(stack.id);
  const own = resources.flatMap(({ type, physicalId }) =>
    type === 'AWS::EC2::VPCEndpoint' && physicalId !== undefined ? [physicalId] : [],
  );
  const { services, routeTables, used } = await planEndpoints(network, placement, own);
  for (const { id, service } of used)
    notice(`Uses endpoint ${id} of ${placement.vpc} for ${service}. Without it the cluster stops working.`);
  return { EndpointServices: services.join(','), RouteTableIds: routeTables.join(',') };
}

/** A type that a person chose, now or before there was a list, is the only one; undefined: as it is. */
function onlyType(stack: Stack | undefined, { summary, wanted }: ParameterRequest): string | undefined {
  if (!declares(summary, 'InstanceTypes')) return undefined;
  const chosenBefore = stack !== undefined && !('InstanceTypes' in stack.parameters);
  return requestedValue(wanted, 'InstanceType') ?? (chosenBefore ? stack.parameters.InstanceType : undefined);
}

const declares = (summary: TemplateSummary, name: string): boolean =>
  summary.parameters.some((parameter) => parameter.name === name);

const requestedValue = (wanted: readonly RequestedParameter[], name: string): string | undefined =>
  wanted.find(({ parameter }) => parameter === name)?.value;
