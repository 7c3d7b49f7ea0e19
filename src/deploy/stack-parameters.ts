/** What a stack is made or changed with: what was asked for, and what the account has. */
import type { Network, WorkerImages } from '../core/aws-account/account.ts';
import type { Ec2 } from '../core/aws-account/ec2.ts';
import type { ParameterChoice, Stack, TemplateSummary } from '../core/aws-account/stacks.ts';
import { chooseMachineImage } from './image.ts';
import { chooseNetwork, type NetworkPlacement, requireServiceAccess } from './network.ts';
import { chooseParameters, parameterValue, type RequestedParameter } from './parameters.ts';

export interface ParameterRequest {
  cluster: string;
  /** Of the settings. */
  model: string | undefined;
  wanted: readonly RequestedParameter[];
  summary: TemplateSummary;
  /** Of this imgcls. */
  version: string;
  notice(text: string): void;
}

export interface AccountView {
  network: Network;
  images: WorkerImages;
  ec2: Pick<Ec2, 'types' | 'imageArchitecture'>;
}

/**
 * What nobody asks for is found out when the cluster is made, and stays as it is from then on; but for the image, of which
 * there are newer ones.
 * @param stack as it stands; undefined where it is to be made.
 */
export async function stackParameters(
  stack: Stack | undefined,
  request: ParameterRequest,
  account: AccountView,
): Promise<Record<string, ParameterChoice>> {
  const { cluster, model, summary, wanted } = request;
  const previous = stack?.parameters ?? {};
  const place = await newNetwork(stack, request, account.network);
  const machines = await newMachines(previous, request, account);
  return chooseParameters({
    summary,
    previous,
    wanted,
    found: {
      ClusterName: cluster,
      VpcId: place?.vpc,
      SubnetIds: place?.subnets.join(','),
      RouteTableIds: place?.routeTables?.join(','),
      WorkerImageId: machines?.image,
      ControllerInstanceType: machines?.controllerType,
      // A cluster that stands keeps its own.
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
      controllerType: given(wanted, 'ControllerInstanceType') ?? previous.ControllerInstanceType,
      image: given(wanted, 'WorkerImageId'),
    },
    version,
  );
  if (machines.notice !== undefined) notice(machines.notice);
  return machines;
}

/** Where a new cluster stands, or one that is told to move; undefined where it stays. */
async function newNetwork(
  stack: Stack | undefined,
  { summary, wanted }: ParameterRequest,
  network: Network,
): Promise<(NetworkPlacement & { routeTables?: string[] }) | undefined> {
  const vpc = given(wanted, 'VpcId');
  const subnets = given(wanted, 'SubnetIds');
  const moves = [vpc, subnets, given(wanted, 'WithEndpoints')].some((each) => each !== undefined);
  if (!declares(summary, 'SubnetIds') || (stack !== undefined && !moves)) return undefined;
  const previous = stack?.parameters ?? {};
  const isNamed = vpc !== undefined || subnets !== undefined;
  const place = await chooseNetwork(network, isNamed ? { vpc, subnets } : { subnets: previous.SubnetIds });
  const withEndpoints = parameterValue('WithEndpoints', { summary, previous, wanted });
  if (withEndpoints === 'false') await requireServiceAccess(network, place);
  const takesTables = withEndpoints === 'true' && declares(summary, 'RouteTableIds');
  // One route to S3 is all that a table takes.
  if (!takesTables || (await network.endpoints(place.vpc)).includes('s3')) return place;
  return { ...place, routeTables: await network.routeTables(place.vpc, place.subnets) };
}

const declares = (summary: TemplateSummary, name: string): boolean =>
  summary.parameters.some((parameter) => parameter.name === name);

const given = (wanted: readonly RequestedParameter[], name: string): string | undefined =>
  wanted.find(({ parameter }) => parameter === name)?.value;
