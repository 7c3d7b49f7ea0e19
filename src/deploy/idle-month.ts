/** What a deployed cluster costs in a month without work, item by item, from the resources of its template. */
import { dollars } from '../core/money/money.ts';
import { ATTACHED_USD, MONTH_HOURS, PRICES_AS_OF, priceOf, REQUEST_USD } from '../core/money/prices.ts';
import type { Resource } from './template-resources.ts';

export interface IdleMonth {
  items: { item: string; usd: number }[];
  /** Sum of the items. */
  usd: number;
  /** Resources that may have a standing price which is not known here. */
  unpriced: string[];
}

type Resources = Readonly<Record<string, Resource>>;

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
  /** https://aws.amazon.com/elasticloadbalancing/pricing/: without its capacity units. */
  balancerHour: 0.0225,
  /** https://aws.amazon.com/secrets-manager/pricing/: a secret in a month. */
  secretMonth: 0.4,
} as const;

/** Of a call without work: npm run test:lambda prints them. Time is processor time at the share of one that 512 MB get. */
const CALL = { gb: 0.5, seconds: 0.3, sqsRequests: 3, logBytes: 400 };
/** At rest the controller looks at the whole cluster this often (src/lambda/handler.ts), with so many requests at the price of a PUT. */
const WHOLE_LOOK = { everyMinutes: 30, s3Puts: 14 };

/** The price of a resource at rest, by type. Undefined: unknown. */
const PRICES: Readonly<Record<string, (resource: Resource, all: Resources) => number | undefined>> = {
  'AWS::CloudWatch::Alarm': ({ Properties: { Metrics } }) => USD.alarmMetricMonth * metricsOf(Metrics),
  'AWS::EC2::VPCEndpoint': ({ Properties: { VpcEndpointType, SubnetIds } }) =>
    VpcEndpointType === 'Gateway' ? 0 : MONTH_HOURS * USD.endpointHour * SubnetIds.length,
  'AWS::ElasticLoadBalancingV2::LoadBalancer': balancerUsd,
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

export function idleMonth(resources: Resources): IdleMonth {
  const month: IdleMonth = { items: [], usd: 0, unpriced: [] };
  for (const [name, resource] of Object.entries(resources)) {
    const item = `${name} (${resource.Type})`;
    const usd = FREE_AT_REST.includes(resource.Type) ? 0 : PRICES[resource.Type]?.(resource, resources);
    if (usd === undefined) month.unpriced.push(item);
    else if (usd > 0) month.items.push({ item, usd });
    month.usd += usd ?? 0;
  }
  return month;
}

/** One line for each item, dearest first. */
export function idleMonthText({ items, usd, unpriced }: IdleMonth): string {
  const lines = items
    .toSorted((a, b) => b.usd - a.usd)
    .map((each) => `  ${dollars(each.usd).padStart(8)}  ${each.item}`);
  return [
    `Without work the cluster costs ${dollars(usd)} a month, at list prices of us-east-1 (${PRICES_AS_OF}), and storage of what it holds:`,
    ...lines,
    ...unpriced.map((item) => `   unknown  ${item}`),
  ].join('\n');
}

/** An alarm of one metric has no list; expressions are no metrics. */
const metricsOf = (metrics: readonly { MetricStat?: unknown }[] | undefined): number =>
  metrics?.filter(({ MetricStat }) => MetricStat !== undefined).length ?? 1;

/** With a public address in each subnet if it faces the internet. */
function balancerUsd({ Properties: { Scheme, Subnets } }: Resource): number {
  const addresses = Scheme === 'internet-facing' ? Subnets.length : 0;
  return MONTH_HOURS * (USD.balancerHour + addresses * ATTACHED_USD.addressHour);
}

/** The machines that a group keeps, each with its disks and its public address. */
function machinesUsd(
  { Properties: { MinSize, LaunchTemplate } }: Resource,
  all: Resources,
): number | undefined {
  if (Number(MinSize) === 0) return 0;
  const { InstanceType, BlockDeviceMappings, NetworkInterfaces } =
    all[LaunchTemplate.LaunchTemplateId.slice(1, -1)]?.Properties.LaunchTemplateData ?? {};
  const diskGb = BlockDeviceMappings.reduce(
    (sum: number, { Ebs }: { Ebs: { VolumeSize: number } }) => sum + Ebs.VolumeSize,
    0,
  );
  const hasPublicAddress = NetworkInterfaces[0].AssociatePublicIpAddress === true;
  const hourlyUsd = priceOf(InstanceType, 'on-demand', { attached: { diskGb, hasPublicAddress } });
  return hourlyUsd === undefined ? undefined : Number(MinSize) * MONTH_HOURS * hourlyUsd;
}

function callsUsd(): number {
  const { gb, seconds, sqsRequests, logBytes } = CALL;
  const compute = gb * seconds * USD.lambdaGbSecond + USD.lambdaCall;
  const requests =
    sqsRequests * REQUEST_USD.sqs + (WHOLE_LOOK.s3Puts * REQUEST_USD.s3Put) / WHOLE_LOOK.everyMinutes;
  return MONTH_MINUTES * (compute + requests + (logBytes / 1e9) * USD.logGb);
}
