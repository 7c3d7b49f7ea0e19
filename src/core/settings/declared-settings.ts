import * as z from 'zod';
import { MAX_PACK_BYTES } from '../job/batches.ts';
import { modelName, modelVariant } from '../model/model.ts';
import { MAX_TOP_K } from '../model/outcome.ts';
import { DEFAULTS } from './defaults.ts';
import { count, dollars, hosts, list, oneOf, pattern, rate, seconds, text } from './schemas.ts';

export interface Setting {
  /** Built only when there is a value to parse: a run sets few settings, and building all schemas takes 3 ms. */
  schema(): z.ZodType;
  /** Absent: the setting may stay unset. */
  fallback?: unknown;
  /** Never printed, and not passed to workers. */
  isSecret?: true;
  what: string;
}

const MEBIBYTE = 1024 * 1024;

const token = () => text(16, 256);
/** Whether the text can be the token of the service. */
export const canBeToken = (text: string): boolean => token().safeParse(text).success;

/** Each setting once: its schema, default and description. In the environment it is IMGCLS_ and its name in capitals. */
export const declared = {
  cluster: {
    schema: () =>
      // The queues of `a-resp` would be response queues of `a`, and its controller would sweep them.
      pattern(
        /^(?!.*-resp(-|$))[a-z0-9][a-z0-9-]{0,31}$/,
        'must be at most 32 lower-case letters, digits or -, without "-resp"',
      ),
    fallback: 'default',
    what: 'name of the deployment, of its buckets, queues and fleet',
  },
  cloud: {
    schema: () => oneOf(['local', 'aws']),
    fallback: 'local',
    what: 'where the cluster runs: local (this machine) or aws',
  },
  dataDir: { schema: () => text(1), what: 'folder of the embedded cloud and of downloaded models' },
  inputBucket: { schema: () => text(3), what: 'S3 bucket for image bytes (cloud aws)' },
  outputBucket: { schema: () => text(3), what: 'S3 bucket for jobs and results (cloud aws)' },
  requestPayer: {
    schema: () => oneOf(['owner', 'requester']),
    fallback: 'owner',
    what: "who pays for reading images from S3: their buckets' owners, or this account (requester-pays buckets)",
  },
  model: { schema: () => modelName, what: 'name of the model' },
  modelVariant: {
    schema: () => oneOf(['auto', ...modelVariant.options]),
    fallback: 'auto',
    what: 'fp32, int8, or auto (chosen by the features of the CPU)',
  },
  modelMirror: {
    schema: () => z.url('must be a URL'),
    what: 'base URL to download models from, instead of the hub',
  },
  topK: {
    schema: () => count(1, MAX_TOP_K),
    fallback: DEFAULTS.topK,
    what: 'labels per image',
  },
  concurrency: {
    schema: () => count(1, 256),
    fallback: DEFAULTS.concurrency,
    what: 'files that a submitter reads and stores at the same time',
  },
  localFiles: {
    schema: () => oneOf(['in-place', 'copy']),
    fallback: 'in-place',
    what: 'how jobs on one machine read its files (cloud local): in-place, or from a copy in the data folder',
  },
  runners: { schema: () => count(1, 256), what: 'model runners per worker; one per core if unset' },
  leaseSeconds: {
    schema: () => count(2, 43_200),
    fallback: 60,
    what: 'lease of a message: if its worker dies, the message is redelivered after this many seconds',
  },
  maxImageBytes: {
    schema: () => count(1, 2048 * MEBIBYTE),
    fallback: 64 * MEBIBYTE,
    what: 'maximum size of an image file, in bytes',
  },
  packBelowBytes: {
    schema: () => count(0, MAX_PACK_BYTES),
    what: 'images below this many bytes are packed, those of a batch in one object; if unset 8 MiB on S3, 32 KiB on one machine; 0 packs none',
  },
  maxPixels: {
    schema: () => count(1, 2 ** 31),
    fallback: 150_000_000,
    what: 'maximum pixels of an image that its decoder holds as a whole; ten times as many for one decoded row by row',
  },
  decodeTimeoutMs: {
    schema: () => count(100, 600_000),
    fallback: 20_000,
    what: 'limit of processor time for decoding one image, in milliseconds',
  },
  min: {
    schema: () => count(0, 10_000),
    fallback: 0,
    what: 'minimum number of workers, also without work',
  },
  max: {
    schema: () => count(0, 10_000),
    what: 'maximum number of workers; if unset 4, or one per core on one machine',
  },
  policy: {
    schema: () => oneOf(['backlog', 'per-message']),
    fallback: 'backlog',
    what: 'how the controller sizes the fleet: backlog, or per-message (one worker per message)',
  },
  forecast: {
    schema: () => oneOf(['on', 'off']),
    fallback: 'on',
    what: 'whether workers start ahead of work that recurs (policy backlog): on or off',
  },
  targetSeconds: {
    schema: () => seconds(1, 86_400),
    fallback: DEFAULTS.targetSeconds,
    what: 'time in which the fleet should finish the backlog, in seconds',
  },
  idleSeconds: {
    schema: () => seconds(0, 86_400),
    what: 'how long an idle worker is kept, in seconds; if unset a twentieth of its age, 5 to 120 s',
  },
  cooldownSeconds: {
    schema: () => seconds(0, 86_400),
    fallback: 10,
    what: 'pause after a launch before workers are retired, in seconds',
  },
  maxLaunchPerTick: {
    schema: () => count(1, 1000),
    fallback: 100,
    what: 'maximum number of workers launched in one tick',
  },
  maxHourlyCost: { schema: dollars, what: 'cap on the cost of the fleet per hour, in US dollars' },
  maxJobCost: { schema: dollars, what: 'cap on the cost of a job, in US dollars' },
  pricePerHour: {
    schema: dollars,
    what: 'price of a worker hour, in US dollars; if unset from a table of common types',
  },
  labelTemplate: {
    schema: () => text(3, 300),
    what: 'text that a model compares with images for a label, with {} in its place; if unset that of the model',
  },
  imagesPerSecond: {
    schema: () => rate(1_000_000),
    fallback: 20,
    what: 'assumed throughput of a worker, in images a second, until it is measured',
  },
  fleet: {
    schema: () => oneOf(['ec2', 'asg', 'none']),
    fallback: 'ec2',
    what: 'how workers are launched (cloud aws): ec2 (launch template), asg (EC2 Auto Scaling group) or none',
  },
  autoScalingGroup: {
    schema: () => text(1, 255),
    what: 'EC2 Auto Scaling group of the workers (fleet asg)',
  },
  controllerFunction: {
    schema: () => text(1, 140),
    what: 'AWS Lambda function that runs the controller; new jobs wake it',
  },
  launchTemplate: {
    schema: () => text(3),
    what: 'EC2 launch template of the workers: name or id, optionally with :VERSION',
  },
  instanceTypes: {
    schema: list,
    what: 'EC2 instance types, comma-separated, or auto (usual ones); if unset that of the launch template',
  },
  subnets: {
    schema: list,
    what: 'subnets of the workers, comma-separated; if unset that of the launch template',
  },
  onDemandPercentage: {
    schema: () => count(0, 100),
    what: 'percentage of on-demand instances; the rest are spot instances. If unset 0 with instanceTypes auto, else 100',
  },
  warm: {
    schema: () => count(0, 1000),
    fallback: 0,
    what: 'stopped instances kept ready; they are started before new ones are launched',
  },
  bootDeadlineSeconds: {
    schema: () => seconds(10, 86_400),
    fallback: 600,
    what: 'time limit for an instance to become ready, in seconds; then it is terminated',
  },
  maxLifetimeSeconds: {
    schema: () => seconds(60, 20 * 86_400),
    fallback: 86_400,
    what: 'maximum lifetime of a worker that the controller launched, in seconds',
  },
  host: {
    schema: () => text(1),
    fallback: DEFAULTS.host,
    what: 'address that the page and REST service listen on',
  },
  port: {
    schema: () => count(0, 65_535),
    fallback: DEFAULTS.port,
    what: 'port of the page and REST service; 0 picks a free port',
  },
  token: {
    schema: token,
    isSecret: true,
    what: 'token that clients of the page and REST service must send',
  },
  tokenSecret: {
    schema: () =>
      pattern(
        /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$/,
        'must be the ARN of a secret of AWS Secrets Manager',
      ),
    what: 'ARN of the AWS Secrets Manager secret with the token; read when the service starts',
  },
  allowHosts: {
    schema: list,
    what: 'further host names of the service, comma-separated',
  },
  allowBuckets: {
    schema: list,
    what: 'S3 buckets that clients of the service may submit images from, comma-separated',
  },
  allowUrls: {
    schema: hosts,
    what: 'hosts from which the service fetches images for clients, comma-separated: public (all with public addresses), names, and names with a port',
  },
  uploads: {
    schema: () => oneOf(['direct', 'service']),
    fallback: 'direct',
    what: 'how the page uploads images (cloud aws): direct (browser to bucket) or service (through the service)',
  },
  corsOrigins: { schema: list, what: 'origins whose pages may call the service (CORS), comma-separated' },
  maxFiles: {
    schema: () => count(1, 100_000),
    fallback: 10_000,
    what: 'maximum number of images in one upload to the service',
  },
  maxRequestBytes: {
    schema: () => count(1, 2 ** 40),
    fallback: 16 * 1024 * MEBIBYTE,
    what: 'maximum size of one upload to the service, in bytes',
  },
  maxClassifyBytes: {
    schema: () => count(1, 64 * MEBIBYTE),
    fallback: 8 * MEBIBYTE,
    what: 'maximum size of an image for POST /v1/classify, in bytes',
  },
  classifyTimeoutSeconds: {
    schema: () => seconds(0.1, 60),
    fallback: 10,
    what: 'time limit of POST /v1/classify, in seconds',
  },
  maxStreams: {
    schema: () => count(1, 100_000),
    fallback: 2000,
    what: 'maximum number of open event streams of the service',
  },
  requestsPerMinute: {
    schema: () => count(1, 10_000_000),
    fallback: 3000,
    what: 'maximum number of requests per minute and client address',
  },
  proxies: {
    schema: () => count(0, 10),
    fallback: 0,
    what: 'number of reverse proxies in front of the service; X-Forwarded-For is trusted from these',
  },
  runnerEntry: {
    schema: () => text(1),
    what: 'script that model runners execute instead of the built-in one',
  },
  runnersUnder: {
    schema: () => text(1),
    what: 'command that runs each process that decodes images, such as one that confines it; words are separated by spaces',
  },
  logLevel: {
    schema: () => oneOf(['debug', 'info', 'warn', 'error', 'silent']),
    fallback: 'info',
    what: 'lowest level of the log lines that a worker writes',
  },
  metrics: {
    schema: () => oneOf(['none', 'emf']),
    fallback: 'none',
    what: 'metrics of workers and controller: none, or emf (CloudWatch embedded metric format, in the log)',
  },
} satisfies Record<string, Setting>;
