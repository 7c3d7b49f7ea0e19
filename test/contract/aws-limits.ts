/**
 * Limits that AWS documents and moto lacks, with AWS's error codes and texts:
 * - ids and entries in one request (EC2 1,000; SQS 10; S3 1,000);
 * - vCPUs of running instances, and the zones that offer an instance type;
 * - what a stack asks of the network: see stack-limits.ts.
 * And answers to requests that moto does not know: quotas, the key of volumes, and IAM's policy simulator.
 */
import {
  DescribeInstancesCommand,
  DescribeInstanceTypesCommand,
  DescribeLaunchTemplateVersionsCommand,
  DescribeSubnetsCommand,
  EC2Client,
} from '@aws-sdk/client-ec2';
import { type Limit, type ProxiedRequest, type Reply, serviceError } from './fault-proxy.ts';
import { stackLimits } from './stack-limits.ts';

const MAX_EC2_IDS = 1000;
const MAX_S3_KEYS = 1000;
const MAX_SQS_ENTRIES = 10;

export interface AccountLimits {
  /** Past the proxy. */
  motoUrl: string;
  /** Of a new account: 5. */
  vCpus: number;
  /** Instance types that a zone lacks. */
  notOffered: Readonly<Record<string, readonly string[]>>;
}

export function awsLimits({ motoUrl, vCpus, notOffered }: AccountLimits): Limit[] {
  const ec2 = new EC2Client({
    endpoint: motoUrl,
    region: 'us-east-1',
    credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
  });
  return [
    idsAtOnce,
    entriesAtOnce,
    keysAtOnce,
    quotas(vCpus),
    keyOfVolumes,
    simulator,
    offerings(notOffered),
    launches(ec2, { vCpus, notOffered }),
    ...stackLimits(ec2),
  ];
}

const idsAtOnce: Limit = async (request) => {
  const ids = [...(request.form?.keys() ?? [])].filter((name) => /^(InstanceId|ResourceId)\.\d+$/.test(name));
  if (ids.length <= MAX_EC2_IDS) return undefined;
  return serviceError(
    request,
    400,
    'RequestResourceCountExceeded',
    `The request has ${ids.length} resource ids; ${request.action} accepts up to ${MAX_EC2_IDS}.`,
  );
};

const entriesAtOnce: Limit = async (request) => {
  if (!/^(Send|Delete|ChangeMessageVisibility)\w*Batch$/.test(request.action)) return undefined;
  const { Entries = [] } = JSON.parse(String(request.body)) as { Entries?: unknown[] };
  if (Entries.length <= MAX_SQS_ENTRIES) return undefined;
  return serviceError(
    request,
    400,
    'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
    `Maximum number of entries per request are ${MAX_SQS_ENTRIES}. You have sent ${Entries.length}.`,
  );
};

const keysAtOnce: Limit = async (request) => {
  if (request.method !== 'POST' || !/\?delete\b/.test(request.path)) return undefined;
  const keys = String(request.body).match(/<Key>/g)?.length ?? 0;
  if (keys <= MAX_S3_KEYS) return undefined;
  return serviceError(request, 400, 'MalformedXML', 'The XML you provided was not well-formed');
};

/** Service Quotas, which moto does not have for EC2. A request for more stays pending. */
const quotas =
  (vCpus: number): Limit =>
  async ({ action }) => {
    const answers: Record<string, object> = {
      GetServiceQuota: { Quota: { Value: vCpus } },
      RequestServiceQuotaIncrease: { RequestedQuota: { Status: 'PENDING' } },
    };
    const answer = answers[action.split('.').at(-1) ?? ''];
    if (answer === undefined) return undefined;
    const body = JSON.stringify(answer);
    return { status: 200, headers: { 'content-type': 'application/x-amz-json-1.1' }, body };
  };

/** A new account encrypts volumes with AWS's key; moto does not know the request. */
const keyOfVolumes: Limit = async ({ action }) =>
  action === 'GetEbsDefaultKmsKeyId'
    ? {
        status: 200,
        headers: { 'content-type': 'text/xml' },
        body: '<GetEbsDefaultKmsKeyIdResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><kmsKeyId>alias/aws/ebs</kmsKeyId></GetEbsDefaultKmsKeyIdResponse>',
      }
    : undefined;

/** The caller may do everything, as in moto. */
const simulator: Limit = async ({ action, form }) => {
  if (action !== 'SimulatePrincipalPolicy') return undefined;
  const actions = [...(form ?? [])]
    .filter(([name]) => name.startsWith('ActionNames.'))
    .map(([, value]) => value);
  const members = actions.map(
    (each) =>
      `<member><EvalActionName>${each}</EvalActionName><EvalResourceName>*</EvalResourceName><EvalDecision>allowed</EvalDecision></member>`,
  );
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<SimulatePrincipalPolicyResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><SimulatePrincipalPolicyResult><EvaluationResults>${members.join('')}</EvaluationResults></SimulatePrincipalPolicyResult></SimulatePrincipalPolicyResponse>`,
  };
};

/** Leaves zones out of moto's list. */
const offerings =
  (notOffered: AccountLimits['notOffered']): Limit =>
  async ({ action }, forward) => {
    if (action !== 'DescribeInstanceTypeOfferings') return undefined;
    const reply = await forward();
    const body = String(reply.body).replace(/<item>[\s\S]*?<\/item>/g, (item) => {
      const [, type = ''] = /<instanceType>(.*?)</.exec(item) ?? [];
      const [, zone = ''] = /<location>(.*?)</.exec(item) ?? [];
      return notOffered[zone]?.includes(type) ? '' : item;
    });
    return { ...reply, body };
  };

interface Launch {
  type: string;
  count: number;
  subnets: string[];
}

function launches(ec2: EC2Client, { vCpus: quota, notOffered }: Omit<AccountLimits, 'motoUrl'>): Limit {
  return async (request) => {
    const { action, form } = request;
    if (form === undefined || !['RunInstances', 'CreateFleet'].includes(action)) return undefined;
    const { type, count, subnets } = await launchOf(ec2, form);
    for (const zone of await zonesOf(ec2, subnets))
      if (notOffered[zone]?.includes(type))
        return refusal(
          request,
          'Unsupported',
          `Your requested instance type (${type}) is not supported in your requested Availability Zone (${zone}).`,
        );
    const each = await vCpusOf(ec2, [type]);
    if ((await vCpusInUse(ec2)) + count * each <= quota) return undefined;
    return refusal(
      request,
      'VcpuLimitExceeded',
      `You have requested more vCPU capacity than your current vCPU limit of ${quota} allows for the instance bucket that the specified instance type belongs to. Please visit http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.`,
    );
  };
}

/** CreateFleet answers with the errors of its launches. */
function refusal(request: ProxiedRequest, code: string, message: string): Reply {
  if (request.action !== 'CreateFleet') return serviceError(request, 400, code, message);
  const error = `<item><lifecycle>on-demand</lifecycle><errorCode>${code}</errorCode><errorMessage>${message}</errorMessage></item>`;
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: `<CreateFleetResponse xmlns="http://ec2.amazonaws.com/doc/2016-11-15/"><fleetId>fleet-1</fleetId><errorSet>${error}</errorSet></CreateFleetResponse>`,
  };
}

async function launchOf(ec2: EC2Client, form: URLSearchParams): Promise<Launch> {
  const values = (pattern: RegExp) =>
    [...form].flatMap(([name, value]) => (pattern.test(name) ? [value] : []));
  const count = form.get('MaxCount') ?? form.get('TargetCapacitySpecification.TotalTargetCapacity') ?? '1';
  const [type] = [...values(/^InstanceType$/), ...values(/\.Overrides\.\d+\.InstanceType$/)];
  return {
    type: type ?? (await typeOfTemplate(ec2, values(/LaunchTemplate(Id|Name)$/))),
    count: Number(count),
    subnets: values(/SubnetId$/),
  };
}

async function typeOfTemplate(ec2: EC2Client, [template = '']: readonly string[]): Promise<string> {
  const which = template.startsWith('lt-')
    ? { LaunchTemplateId: template }
    : { LaunchTemplateName: template };
  const { LaunchTemplateVersions: [version] = [] } = await ec2.send(
    new DescribeLaunchTemplateVersionsCommand({ ...which, Versions: ['$Latest'] }),
  );
  return version?.LaunchTemplateData?.InstanceType ?? '';
}

/** A launch names a subnet once for each instance type; moto finds a subnet only once. */
async function zonesOf(ec2: EC2Client, subnets: readonly string[]): Promise<string[]> {
  if (subnets.length === 0) return [];
  const SubnetIds = [...new Set(subnets)];
  const { Subnets = [] } = await ec2.send(new DescribeSubnetsCommand({ SubnetIds }));
  return Subnets.flatMap(({ AvailabilityZone }) => AvailabilityZone ?? []);
}

async function vCpusInUse(ec2: EC2Client): Promise<number> {
  const Filters = [{ Name: 'instance-state-name', Values: ['pending', 'running'] }];
  const { Reservations = [] } = await ec2.send(new DescribeInstancesCommand({ Filters }));
  const types = Reservations.flatMap(({ Instances = [] }) => Instances).map(
    ({ InstanceType = '' }) => InstanceType,
  );
  return await vCpusOf(ec2, types);
}

/** Of one instance of each of these types. */
async function vCpusOf(ec2: EC2Client, types: readonly string[]): Promise<number> {
  if (types.length === 0) return 0;
  const InstanceTypes = [...new Set(types)] as never[];
  const { InstanceTypes: found = [] } = await ec2.send(new DescribeInstanceTypesCommand({ InstanceTypes }));
  const each = new Map(
    found.map(({ InstanceType, VCpuInfo }) => [String(InstanceType), VCpuInfo?.DefaultVCpus ?? 0]),
  );
  return types.reduce((sum, type) => sum + (each.get(type) ?? 0), 0);
}
