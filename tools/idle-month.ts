/** What a deployed cluster costs in a month without work, item by item, from the resources of its template. */
import { priceOf, REQUEST_USD } from '../src/core/money/prices.ts';

export interface IdleItem {
  item: string;
  usd: number;
}

interface Resource {
  Type: string;
  // biome-ignore lint/suspicious/noExplicitAny: properties have the shape of their type.
  Properties: Record<string, any>;
}

const MONTH_HOURS = 730;
const MONTH_MINUTES = 60 * MONTH_HOURS;

/** List prices of us-east-1 in US dollars, without the free tier. */
const USD = {
  /** https://aws.amazon.com/lambda/pricing/, arm64: a GB-second, a call. */
  lambdaGbSecond: 0.0000133334,
  lambdaCall: 0.2 / 1_000_000,
  /** https://aws.amazon.com/eventbridge/pricing/, Scheduler: a call. */
  scheduled: 1 / 1_000_000,
  /** https://aws.amazon.com/cloudwatch/pricing/: a metric of an alarm in a month, a GB of logs. */
  alarmMetricMonth: 0.1,
  logGb: 0.5,
  /** https://aws.amazon.com/privatelink/pricing/: an endpoint in a zone for an hour. */
  endpointHour: 0.01,
  /** https://aws.amazon.com/elasticloadbalancing/pricing/: without its capacity units and public addresses. */
  balancerHour: 0.0225,
  /** https://aws.amazon.com/secrets-manager/pricing/: a secret in a month. */
  secretMonth: 0.4,
  /** https://aws.amazon.com/ebs/pricing/: a GB of gp3 in a month. */
  diskGbMonth: 0.08,
} as const;

/** Of a call without work: npm run test:lambda prints them. Time is processor time at the share of one that 512 MB get. */
const CALL = { gb: 0.5, seconds: 0.3, sqsRequests: 3, logBytes: 400 };
/** At rest the controller looks at the whole cluster this often (src/lambda/handler.ts), with so many requests at the price of a PUT. */
const WHOLE_LOOK = { everyMinutes: 30, s3Puts: 14 };

/** A type has a standing price, or costs only when it is used. */
const PRICES: Readonly<
  Record<string, (resource: Resource, all: Readonly<Record<string, Resource>>) => number>
> = {
  'AWS::CloudWatch::Alarm': ({ Properties: { Metrics } }) => USD.alarmMetricMonth * metricsOf(Metrics),
  'AWS::EC2::VPCEndpoint': ({ Properties: { VpcEndpointType, SubnetIds } }) =>
    VpcEndpointType === 'Gateway' ? 0 : MONTH_HOURS * USD.endpointHour * SubnetIds.length,
  'AWS::ElasticLoadBalancingV2::LoadBalancer': () => MONTH_HOURS * USD.balancerHour,
  'AWS::SecretsManager::Secret': () => USD.secretMonth,
  'AWS::AutoScaling::AutoScalingGroup': machinesUsd,
  'AWS::Lambda::Function': callsUsd,
  'AWS::Scheduler::Schedule': () => MONTH_MINUTES * USD.scheduled,
};

/** Storage and traffic are not counted: a cluster at rest has what its users leave in it. */
const FREE_AT_REST: readonly string[] = [
  'AWS::EC2::LaunchTemplate',
  'AWS::EC2::SecurityGroup',
  'AWS::EC2::SecurityGroupIngress',
  'AWS::ElasticLoadBalancingV2::Listener',
  'AWS::ElasticLoadBalancingV2::TargetGroup',
  'AWS::IAM::InstanceProfile',
  'AWS::IAM::ManagedPolicy',
  'AWS::IAM::Policy',
  'AWS::IAM::Role',
  'AWS::Lambda::EventInvokeConfig',
  'AWS::Logs::LogGroup',
  'AWS::S3::Bucket',
  'AWS::S3::BucketPolicy',
  'AWS::SNS::Subscription',
  'AWS::SNS::Topic',
  'AWS::SNS::TopicPolicy',
  'AWS::SQS::Queue',
  'AWS::SQS::QueuePolicy',
];

/** @throws {Error} for a resource of a type that this file does not know: it may have a standing price. */
export function idleMonth(resources: Readonly<Record<string, Resource>>): IdleItem[] {
  return Object.entries(resources).flatMap(([name, resource]) => {
    const price = PRICES[resource.Type];
    if (price === undefined && !FREE_AT_REST.includes(resource.Type))
      throw new Error(`What does ${name} (${resource.Type}) cost at rest? Say so in tools/idle-month.ts.`);
    const usd = price?.(resource, resources) ?? 0;
    return usd === 0 ? [] : [{ item: `${name} (${resource.Type})`, usd }];
  });
}

/** An alarm of one metric has no list; expressions are no metrics. */
const metricsOf = (metrics: readonly { MetricStat?: unknown }[] | undefined): number =>
  metrics?.filter(({ MetricStat }) => MetricStat !== undefined).length ?? 1;

/** The machines that a group keeps, each with its disks. */
function machinesUsd(
  { Properties: { MinSize, LaunchTemplate } }: Resource,
  all: Readonly<Record<string, Resource>>,
): number {
  if (Number(MinSize) === 0) return 0;
  const template = all[LaunchTemplate.LaunchTemplateId.slice(1, -1)];
  const { InstanceType, BlockDeviceMappings } = template?.Properties.LaunchTemplateData ?? {};
  const hourlyUsd = priceOf(InstanceType, 'on-demand');
  if (hourlyUsd === undefined) throw new Error(`The price of ${InstanceType} is unknown.`);
  const gb = BlockDeviceMappings.reduce(
    (sum: number, { Ebs }: { Ebs: { VolumeSize: number } }) => sum + Ebs.VolumeSize,
    0,
  );
  return Number(MinSize) * (MONTH_HOURS * hourlyUsd + gb * USD.diskGbMonth);
}

function callsUsd(): number {
  const { gb, seconds, sqsRequests, logBytes } = CALL;
  const compute = gb * seconds * USD.lambdaGbSecond + USD.lambdaCall;
  const requests =
    sqsRequests * REQUEST_USD.sqs + (WHOLE_LOOK.s3Puts * REQUEST_USD.s3Put) / WHOLE_LOOK.everyMinutes;
  return MONTH_MINUTES * (compute + requests + (logBytes / 1e9) * USD.logGb);
}
