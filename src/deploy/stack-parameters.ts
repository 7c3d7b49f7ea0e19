// The parameters of a deployment, from the flags and from what the account has.

import type { Functions, Network, WorkerImages } from '../core/aws-account/account.ts';
import type { Ec2 } from '../core/aws-account/ec2.ts';
import type { ParameterChoice, Stack, TemplateSummary } from '../core/aws-account/stacks.ts';
import { chooseMachineImage } from './image.ts';
import { chooseNetwork, type NetworkPlacement, requireServiceAccess } from './network.ts';
import { chooseParameters, parameterValue, type RequestedParameter } from './parameters.ts';

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
}

export interface AccountView {
  network: Network;
  images: WorkerImages;
  ec2: Pick<Ec2, 'types' | 'imageArchitecture'>;
  functions: Functions;
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
  const placement = await newNetwork(stack, request, account.network);
  const machines = await newMachines(previous, request, account);
  return chooseParameters({
    summary,
    previous,
    wanted,
    found: {
      ClusterName: cluster,
      VpcId: placement?.vpc,
      SubnetIds: placement?.subnets.join(','),
      RouteTableIds: placement?.routeTables?.join(','),
      WorkerImageId: machines?.image,
      WebInstanceType: machines?.webType,
      ControllerCode: controllerCode,
      ReserveConcurrency: await newReservation(previous, request, account),
      // An existing cluster keeps its model.
      Model: stack === undefined ? model : undefined,
    },
  });
}

async function newMachines(
  previous: Readonly<Record<string, string>>,
  { summary, wanted, version, notice }: ParameterRequest,
  account: AccountView,
) {
  const workerType = parameterValue('InstanceType', { summary, previous, wanted });
  if (workerType === undefined || !declares(summary, 'WorkerImageId')) return undefined;
  const machines = await chooseMachineImage(
    account,
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

/** The network of a new cluster or one that moves; undefined when it stays. */
async function newNetwork(
  stack: Stack | undefined,
  { summary, wanted }: ParameterRequest,
  network: Network,
): Promise<(NetworkPlacement & { routeTables?: string[] }) | undefined> {
  const vpc = requestedValue(wanted, 'VpcId');
  const subnets = requestedValue(wanted, 'SubnetIds');
  const moves = [vpc, subnets, requestedValue(wanted, 'WithEndpoints')].some((each) => each !== undefined);
  if (!declares(summary, 'SubnetIds') || (stack !== undefined && !moves)) return undefined;
  const previous = stack?.parameters ?? {};
  const isNamed = vpc !== undefined || subnets !== undefined;
  const placement = await chooseNetwork(
    network,
    isNamed ? { vpc, subnets } : { subnets: previous.SubnetIds },
  );
  const withEndpoints = parameterValue('WithEndpoints', { summary, previous, wanted });
  if (withEndpoints === 'false') await requireServiceAccess(network, placement);
  const takesTables = withEndpoints === 'true' && declares(summary, 'RouteTableIds');
  // A route table can have only one S3 endpoint.
  if (!takesTables || (await network.endpoints(placement.vpc)).includes('s3')) return placement;
  return { ...placement, routeTables: await network.routeTables(placement.vpc, placement.subnets) };
}

const declares = (summary: TemplateSummary, name: string): boolean =>
  summary.parameters.some((parameter) => parameter.name === name);

const requestedValue = (wanted: readonly RequestedParameter[], name: string): string | undefined =>
  wanted.find(({ parameter }) => parameter === name)?.value;
