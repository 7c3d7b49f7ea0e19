/**
 * What AWS refuses of a stack, with the texts of the services. A real deployment fails at the resource; here the change set is
 * refused, so that no test mistakes the failure for a success:
 * - an interface endpoint or a load balancer with two subnets in a zone, a load balancer in one zone only;
 * - private DNS without the attributes of the VPC, or beside another endpoint that has the name;
 * - a custom-named resource that requires replacing;
 * - a queue name within a minute after the deletion of the last queue.
 */
import {
  DescribeSubnetsCommand,
  DescribeVpcAttributeCommand,
  DescribeVpcEndpointsCommand,
  type EC2Client,
} from '@aws-sdk/client-ec2';
import { type Resource, readResources } from '../../src/deploy/template-resources.ts';
import { type Limit, type ProxiedRequest, serviceError } from './fault-proxy.ts';

type Resources = Readonly<Record<string, Resource>>;

interface KnownStack {
  values: Record<string, string>;
  body: string;
  resources: Resources;
}

const QUEUE_NAME_REST_MS = 60_000;
const PSEUDO = { 'AWS::AccountId': '123456789012', 'AWS::Region': 'us-east-1', 'AWS::Partition': 'aws' };

export function stackLimits(ec2: EC2Client): Limit[] {
  const planned = new Map<string, KnownStack>();
  const present = new Map<string, KnownStack>();
  const deletedAtMs = new Map<string, number>();
  return [
    async (request) => {
      const { action, form } = request;
      const name = (form?.get('StackName') ?? '').replace(/^.*:stack\/([^/]+)\/.*$/, '$1');
      if (action === 'CreateChangeSet' && form !== undefined) {
        const stack = await planOf(form, present.get(name));
        const problem = await problemOf(ec2, stack.resources, present.get(name)?.resources ?? {});
        if (problem !== undefined) return serviceError(request, 400, 'ValidationError', problem);
        planned.set(name, stack);
      }
      if (action === 'ExecuteChangeSet') {
        const stack = planned.get(name);
        if (
          stack !== undefined &&
          !present.has(name) &&
          Date.now() < (deletedAtMs.get(name) ?? 0) + QUEUE_NAME_REST_MS
        )
          return deletedRecently(request);
        if (stack !== undefined) present.set(name, stack);
      }
      if (action === 'DeleteStack' && present.delete(name)) deletedAtMs.set(name, Date.now());
      return undefined;
    },
  ];
}

const deletedRecently = (request: ProxiedRequest) =>
  serviceError(
    request,
    400,
    'AWS.SimpleQueueService.QueueDeletedRecently',
    'You must wait 60 seconds after deleting a queue before you can create another with the same name.',
  );

async function planOf(form: URLSearchParams, before: KnownStack | undefined): Promise<KnownStack> {
  const values: Record<string, string> = {};
  for (const [field, name] of form) {
    if (!field.endsWith('.ParameterKey')) continue;
    const value = form.get(field.replace('ParameterKey', 'ParameterValue'));
    values[name] = value ?? before?.values[name] ?? '';
  }
  const body = form.get('TemplateBody') ?? before?.body ?? '';
  return { values, body, resources: await readResources(body, { ...PSEUDO, ...values }) };
}

/** The first text with which AWS refuses one of the resources. */
async function problemOf(ec2: EC2Client, now: Resources, before: Resources): Promise<string | undefined> {
  for (const [name, resource] of Object.entries(now)) {
    const problem =
      replacementProblem(resource, before[name]) ??
      (resource.Type === 'AWS::EC2::VPCEndpoint' && resource.Properties.VpcEndpointType === 'Interface'
        ? await endpointProblem(ec2, resource.Properties, before[name] !== undefined)
        : undefined) ??
      (resource.Type === 'AWS::ElasticLoadBalancingV2::LoadBalancer'
        ? balancerProblem(await zonesOf(ec2, resource.Properties.Subnets))
        : undefined);
    if (problem !== undefined) return `${name}: ${problem}`;
  }
  return undefined;
}

/** By type: the property with the name, and those whose change requires replacement (resource reference of CloudFormation). */
const NAMED: Readonly<Record<string, { name: string; fixed: readonly string[] }>> = {
  'AWS::ElasticLoadBalancingV2::LoadBalancer': { name: 'Name', fixed: ['Scheme', 'Type'] },
  'AWS::ElasticLoadBalancingV2::TargetGroup': {
    name: 'Name',
    fixed: ['Port', 'Protocol', 'TargetType', 'VpcId'],
  },
  'AWS::EC2::SecurityGroup': { name: 'GroupName', fixed: ['VpcId', 'GroupDescription'] },
  'AWS::S3::Bucket': { name: 'BucketName', fixed: [] },
  'AWS::Lambda::Function': { name: 'FunctionName', fixed: ['PackageType'] },
};

function replacementProblem(
  { Type, Properties }: Resource,
  before: Resource | undefined,
): string | undefined {
  const rule = NAMED[Type];
  if (rule === undefined || before === undefined) return undefined;
  const name = Properties[rule.name];
  if (name === undefined || name !== before.Properties[rule.name]) return undefined;
  if (rule.fixed.every((each) => String(Properties[each]) === String(before.Properties[each])))
    return undefined;
  return `CloudFormation cannot update a stack when a custom-named resource requires replacing. Rename ${name} and update the stack again.`;
}

async function endpointProblem(
  ec2: EC2Client,
  { VpcId, ServiceName, SubnetIds, PrivateDnsEnabled }: Resource['Properties'],
  isOurs: boolean,
): Promise<string | undefined> {
  const zones = await zonesOf(ec2, SubnetIds);
  if (new Set(zones).size < zones.length)
    return 'Found another VPC endpoint subnet in the availability zone of a subnet. VPC endpoint subnets should be in different availability zones supported by the VPC endpoint service. (DuplicateSubnetsInSameZone)';
  if (PrivateDnsEnabled !== true) return undefined;
  for (const Attribute of ['enableDnsSupport', 'enableDnsHostnames'] as const) {
    const answer = await ec2.send(new DescribeVpcAttributeCommand({ VpcId, Attribute }));
    const { Value } = answer.EnableDnsSupport ?? answer.EnableDnsHostnames ?? {};
    if (Value !== true)
      return `Enabling private DNS requires both enableDnsSupport and enableDnsHostnames VPC attributes set to true for ${VpcId}`;
  }
  const Filters = [{ Name: 'vpc-id', Values: [VpcId] }];
  const { VpcEndpoints = [] } = await ec2.send(new DescribeVpcEndpointsCommand({ Filters }));
  const hasName = VpcEndpoints.some((each) => each.ServiceName === ServiceName && each.PrivateDnsEnabled);
  const service = String(ServiceName).replace(/^.*\./, '');
  return hasName && !isOurs
    ? `private-dns-enabled cannot be set because there is already a conflicting DNS domain for ${service}.us-east-1.amazonaws.com in the VPC ${VpcId}`
    : undefined;
}

function balancerProblem(zones: readonly string[]): string | undefined {
  if (new Set(zones).size < zones.length)
    return 'A load balancer cannot be attached to multiple subnets in the same Availability Zone';
  return zones.length < 2
    ? 'At least two subnets in two different Availability Zones must be specified'
    : undefined;
}

async function zonesOf(ec2: EC2Client, SubnetIds: string[]): Promise<string[]> {
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds }));
  return Subnets.flatMap(({ AvailabilityZone }) => AvailabilityZone ?? []);
}
