// S3, SQS and EC2 of a cluster with many workers. Each response takes 25 ms (LATENCY_MS), and EC2 refuses calls with more than 1,000 ids, as AWS
// does. Every worker writes its status every 15 s. Below `photos/` each bucket has numbered images.
//
//     node slow-aws.ts WORKERS [IMAGES [LATENCY_MS]]
//
// Sends its port to its parent, and on "count" what was asked since the last time. { idle: N } makes the first N workers idle.
import { hash } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerStatus } from '../../src/core/fleet/fleet.ts';

export interface Asked {
  requests: Readonly<Record<string, number>>;
  mostAtOnce: number;
  terminated: number;
}

const LATENCY_MS = Number(process.argv[4] ?? '25');
const PAGE = 1000;
const STATUS_EVERY_MS = 15_000;
const HOUR_MS = 3_600_000;

const workers = Number(process.argv[2]);
const images = Number(process.argv[3] ?? '0');
const startMs = Date.now();
const launched = new Date(startMs - HOUR_MS).toISOString();
const objects = new Map<string, string>();
const terminated = new Set<string>();
let idle = 0;
let requests: Record<string, number> = {};
let open = 0;
let mostAtOnce = 0;

const idOf = (n: number): string => `i-${n.toString(16).padStart(17, '0')}`;
const numberOf = (id: string): number => Number.parseInt(id.slice(2), 16);

/** The number of the status that a worker wrote last. */
const versionOf = (n: number): number =>
  Math.floor((Date.now() - startMs + (n * STATUS_EVERY_MS) / workers) / STATUS_EVERY_MS) +
  (n < idle ? 1e6 : 0);

function statusOf(n: number): string {
  const status: WorkerStatus = {
    v: 1,
    id: idOf(n),
    state: n < idle ? 'ready' : 'busy',
    host: `ip-10-0-${n >> 8}-${n & 255}.ec2.internal`,
    managed: true,
    pid: 1234,
    startedAtMs: startMs - HOUR_MS + 60_000,
    updatedAtMs: Date.now(),
    boot: {
      launchToProcessMs: 20_000,
      kernelToProcessMs: 12_000,
      runtimeLoadedMs: 900,
      modelReadyMs: 2000,
      readyMs: 2100,
    },
    imagesDone: 40_000 + 300 * versionOf(n),
    messagesDone: 900,
    imagesByJob: { '01ARZ3NDEKTSV4RRFFQ69G5FAV': 40_000 + 300 * versionOf(n) },
    imagesPerSecond: n < idle ? 0 : 20,
    busyShare: n < idle ? 0 : 1,
    runners: 2,
    rssBytes: 500_000_000,
    peakRssBytes: 520_000_000,
    models: ['a'.repeat(64)],
    version: '0.1.0',
  };
  return JSON.stringify(status);
}

const instanceXml = (n: number): string => `<item><instancesSet><item>
<instanceId>${idOf(n)}</instanceId><imageId>ami-0123456789abcdef0</imageId>
<instanceState><code>16</code><name>${terminated.has(idOf(n)) ? 'shutting-down' : 'running'}</name></instanceState>
<privateDnsName>ip-10-0-0-1.ec2.internal</privateDnsName><dnsName/><reason/><amiLaunchIndex>0</amiLaunchIndex><productCodes/>
<instanceType>c7i.large</instanceType><launchTime>${launched}</launchTime>
<placement><availabilityZone>us-east-1a</availabilityZone><groupName/><tenancy>default</tenancy></placement>
<monitoring><state>disabled</state></monitoring><subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId>
<privateIpAddress>10.0.0.1</privateIpAddress><sourceDestCheck>true</sourceDestCheck>
<groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>imgcls</groupName></item></groupSet>
<architecture>x86_64</architecture><rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/xvda</rootDeviceName>
<blockDeviceMapping><item><deviceName>/dev/xvda</deviceName><ebs><volumeId>vol-0123456789abcdef0</volumeId><status>attached</status>
<attachTime>${launched}</attachTime><deleteOnTermination>true</deleteOnTermination></ebs></item></blockDeviceMapping>
<virtualizationType>hvm</virtualizationType><clientToken>fleet-0123456789abcdef0</clientToken>
<tagSet>${[
  'imgcls:cluster',
  'imgcls:launch',
  'Name',
  'imgcls:expires',
  'aws:ec2launchtemplate:id',
  'aws:ec2:fleet-id',
]
  .map(
    (key) =>
      `<item><key>${key}</key><value>${key === 'imgcls:expires' ? '2999-01-01T00:00:00Z' : 'bench'}</value></item>`,
  )
  .join('')}</tagSet>
<hypervisor>xen</hypervisor><networkInterfaceSet><item><networkInterfaceId>eni-0123456789abcdef0</networkInterfaceId>
<subnetId>subnet-0123456789abcdef0</subnetId><vpcId>vpc-0123456789abcdef0</vpcId><description/><ownerId>123456789012</ownerId>
<status>in-use</status><macAddress>02:00:00:00:00:01</macAddress><privateIpAddress>10.0.0.1</privateIpAddress>
<sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0123456789abcdef0</groupId><groupName>imgcls</groupName></item></groupSet>
<attachment><attachmentId>eni-attach-0123456789abcdef0</attachmentId><deviceIndex>0</deviceIndex><status>attached</status>
<attachTime>${launched}</attachTime><deleteOnTermination>true</deleteOnTermination></attachment></item></networkInterfaceSet>
<ebsOptimized>false</ebsOptimized><cpuOptions><coreCount>1</coreCount><threadsPerCore>2</threadsPerCore></cpuOptions>
<metadataOptions><state>applied</state><httpTokens>required</httpTokens><httpEndpoint>enabled</httpEndpoint></metadataOptions>
</item></instancesSet></item>`;

const photoKey = (n: number): string => `photos/IMG_${String(n).padStart(9, '0')}.jpg`;
/** Of the first photograph whose key is behind this one. */
const placeAfter = (key: string): number => {
  const digits = /^photos\/IMG_(\d+)/.exec(key)?.[1] ?? '';
  const number = Number(digits.padEnd(9, '0'));
  return key >= photoKey(number) ? number + 1 : number;
};

interface Answer {
  kind: string;
  status?: number;
  body?: string;
  headers?: Record<string, string>;
}

function ec2(form: URLSearchParams): Answer {
  const action = form.get('Action') ?? '';
  const ids = [...form].filter(([name]) => /^(InstanceId|ResourceId)\.\d+$/.test(name)).map(([, id]) => id);
  if (ids.length > PAGE) {
    const error =
      '<Code>InvalidParameterValue</Code><Message>Up to 1000 ids are allowed in one call.</Message>';
    return {
      kind: action,
      status: 400,
      body: `<Response><Errors><Error>${error}</Error></Errors></Response>`,
    };
  }
  if (action === 'TerminateInstances') for (const id of ids) terminated.add(id);
  if (action !== 'DescribeInstances') return { kind: action, body: `<${action}Response/>` };
  const from = Number(form.get('NextToken') ?? '0');
  const page = Array.from({ length: Math.min(PAGE, workers - from) }, (_, n) => instanceXml(from + n));
  const next = from + PAGE < workers ? `<nextToken>${from + PAGE}</nextToken>` : '';
  const body = `<DescribeInstancesResponse><reservationSet>${page.join('')}</reservationSet>${next}</DescribeInstancesResponse>`;
  return { kind: action, body };
}

function sqs(action: string, request: string): Answer {
  const sent = (JSON.parse(request) as { Entries?: { Id: string; MessageBody: string }[] }).Entries ?? [];
  const body = action.endsWith('GetQueueUrl')
    ? { QueueUrl: 'http://queue/123456789012/imgcls' }
    : action.endsWith('SendMessageBatch')
      ? {
          Successful: sent.map(({ Id, MessageBody }) => ({
            Id,
            MessageId: Id,
            MD5OfMessageBody: hash('md5', MessageBody),
          })),
          Failed: [],
        }
      : {
          Attributes: {
            ApproximateNumberOfMessages: idle > 0 ? '0' : '500000',
            ApproximateNumberOfMessagesNotVisible: '0',
            ApproximateNumberOfMessagesDelayed: '0',
          },
        };
  return {
    kind: action,
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/x-amz-json-1.0' },
  };
}

function listing(url: URL): Answer {
  const prefix = url.searchParams.get('prefix') ?? '';
  const after = url.searchParams.get('start-after') ?? '';
  const total = prefix === 'fleet/' ? workers : prefix === 'photos/' ? images : 0;
  const from = Number(url.searchParams.get('continuation-token') ?? (after === '' ? '0' : placeAfter(after)));
  const count = Math.max(0, Math.min(PAGE, total - from));
  const contents = Array.from({ length: count }, (_, at) => {
    const n = from + at;
    const modified = new Date(Date.now() - 1000).toISOString();
    const [key, etag, bytes] =
      prefix === 'fleet/'
        ? [`fleet/${idOf(n)}.json`, versionOf(n), 800]
        : [photoKey(n), `${'0'.repeat(24)}${n}`, 100_000];
    return `<Contents><Key>${key}</Key><LastModified>${modified}</LastModified><ETag>&quot;${etag}&quot;</ETag><Size>${bytes}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const isTruncated = from + PAGE < total;
  const next = isTruncated ? `<NextContinuationToken>${from + PAGE}</NextContinuationToken>` : '';
  return {
    kind: `ListObjectsV2 ${prefix}`,
    body: `<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>${isTruncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
  };
}

function s3(method: string, url: URL, body: string): Answer {
  if (url.searchParams.has('list-type')) return listing(url);
  const key = decodeURIComponent(url.pathname.split('/').slice(2).join('/'));
  const kind = `${method === 'GET' ? 'GetObject' : 'PutObject'} ${key.split('/')[0]}/`;
  const headers = { etag: '"1"', 'last-modified': new Date().toUTCString() };
  if (method === 'PUT') {
    objects.set(key, body);
    return { kind, headers };
  }
  const id = /^fleet\/(i-[0-9a-f]+)\.json$/.exec(key)?.[1];
  const found = id === undefined ? objects.get(key) : statusOf(numberOf(id));
  if (found === undefined) {
    return { kind, status: 404, body: '<Error><Code>NoSuchKey</Code><Message>no such key</Message></Error>' };
  }
  return { kind, headers, body: found };
}

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  mostAtOnce = Math.max(mostAtOnce, ++open);
  const body = Buffer.concat(await request.toArray()).toString();
  const url = new URL(request.url ?? '/', 'http://server');
  const target = request.headers['x-amz-target'];
  const isForm = request.headers['content-type']?.startsWith('application/x-www-form-urlencoded');
  const found =
    typeof target === 'string'
      ? sqs(target, body)
      : isForm
        ? ec2(new URLSearchParams(body))
        : s3(request.method ?? '', url, body);
  requests[found.kind] = (requests[found.kind] ?? 0) + 1;
  await sleep(LATENCY_MS);
  open--;
  const content = Buffer.from(found.body ?? '');
  response
    .writeHead(found.status ?? 200, {
      'content-type': 'text/xml',
      ...found.headers,
      'content-length': content.byteLength,
    })
    .end(content);
}

process.on('message', (message: 'count' | { idle: number }) => {
  if (message !== 'count') {
    idle = message.idle;
    return;
  }
  process.send?.({ requests, mostAtOnce, terminated: terminated.size } satisfies Asked);
  requests = {};
  mostAtOnce = 0;
});
process.on('disconnect', () => process.exit());
const server = createServer((request, response) => void answer(request, response)).listen(
  0,
  '127.0.0.1',
  () => process.send?.((server.address() as AddressInfo).port),
);
