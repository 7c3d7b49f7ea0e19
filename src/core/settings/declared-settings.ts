import * as z from 'zod';
import { topK } from '../job/job.ts';
import { PACKED_BELOW_BYTES } from '../job/pack.ts';
import { modelName, modelVariant } from '../model/model.ts';
import { DEFAULTS } from './defaults.ts';

export interface Setting {
  /** Made when there is a value to read: a run is given few, and making all of them takes a command 3 ms. */
  schema(): z.ZodType;
  /** Absent: the setting may be left unset. */
  fallback?: unknown;
  /** Never printed, and not handed to workers. */
  isSecret?: true;
  what: string;
}

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const seconds = (min: number, max: number) => z.coerce.number().min(min).max(max);
const dollars = () => z.coerce.number().nonnegative();
const list = () =>
  z
    .union([z.array(z.string()), z.string().transform((text) => text.split(',').map((each) => each.trim()))])
    .pipe(z.array(z.string().min(1)).min(1).max(50));
const MEBIBYTE = 1024 * 1024;

const token = () => z.string().min(16, 'must have at least 16 characters').max(256);
/** Whether the text can be the token of the service. */
export const canBeToken = (text: string): boolean => token().safeParse(text).success;

/** Each setting once: how it is read, its default and what it is. The environment's name is IMGCLS_ and the name in capitals. */
export const declared = {
  cluster: {
    schema: () =>
      z
        .string()
        // Queues of `a-resp` would be response queues of `a`, which its controller sweeps.
        .regex(
          /^(?!.*-resp(-|$))[a-z0-9][a-z0-9-]{0,31}$/,
          'must be lower-case letters, digits or -, at most 32, and no "-resp"',
        ),
    fallback: 'default',
    what: 'the deployment: its buckets, queues and fleet',
  },
  cloud: { schema: () => z.enum(['local', 'aws']), fallback: 'local', what: 'local (this machine) or aws' },
  dataDir: { schema: () => z.string().min(1), what: 'folder of the embedded cloud and of downloaded models' },
  inputBucket: { schema: () => z.string().min(3), what: 'S3 bucket for image bytes (cloud aws)' },
  outputBucket: { schema: () => z.string().min(3), what: 'S3 bucket for jobs and results (cloud aws)' },
  model: { schema: () => modelName, what: 'model that classifies' },
  modelVariant: {
    schema: () => z.union([z.literal('auto'), modelVariant]),
    fallback: 'auto',
    what: 'fp32, int8, or auto: by the features of the CPU',
  },
  modelMirror: { schema: () => z.url(), what: 'base address to download models from, in place of the hub' },
  topK: {
    schema: () => z.coerce.number().pipe(topK),
    fallback: DEFAULTS.topK,
    what: 'classes listed for an image',
  },
  concurrency: {
    schema: () => count(1, 256),
    fallback: DEFAULTS.concurrency,
    what: 'files read and stored at once by a submitter',
  },
  runners: { schema: () => count(1, 256), what: 'model runners of a worker; else one a core' },
  leaseSeconds: {
    schema: () => count(2, 43_200),
    fallback: 60,
    what: 'how long messages of a worker that died stay hidden from others, in seconds',
  },
  maxImageBytes: {
    schema: () => count(1, 2048 * MEBIBYTE),
    fallback: 64 * MEBIBYTE,
    what: 'largest image file, in bytes',
  },
  packBelowBytes: {
    schema: () => count(0, PACKED_BELOW_BYTES),
    fallback: PACKED_BELOW_BYTES,
    what: 'images of fewer bytes travel packed, those of a batch in one object; 0: none does',
  },
  maxPixels: { schema: () => count(1, 2 ** 31), fallback: 150_000_000, what: 'largest image, in pixels' },
  decodeTimeoutMs: {
    schema: () => count(100, 600_000),
    fallback: 20_000,
    what: 'longest decode of one image, in milliseconds',
  },
  min: {
    schema: () => count(0, 10_000),
    fallback: 0,
    what: 'workers that a controller keeps also without work',
  },
  max: {
    schema: () => count(0, 10_000),
    what: 'most workers of a controller; else 4, on one machine one a core',
  },
  policy: {
    schema: () => z.enum(['backlog', 'per-message']),
    fallback: 'backlog',
    what: 'how a controller sizes the fleet: backlog, or per-message (one worker a message)',
  },
  targetSeconds: {
    schema: () => seconds(1, 86_400),
    fallback: DEFAULTS.targetSeconds,
    what: 'time in which the backlog should be gone, in seconds',
  },
  idleSeconds: {
    schema: () => seconds(0, 86_400),
    what: 'how long an idle worker is kept; else a tenth of its age, 10 to 120 s',
  },
  cooldownSeconds: {
    schema: () => seconds(0, 86_400),
    fallback: 10,
    what: 'after a launch nothing is retired for so long, in seconds',
  },
  maxLaunchPerTick: { schema: () => count(1, 1000), fallback: 100, what: 'most workers launched at a time' },
  maxHourlyCost: { schema: dollars, what: 'most that the fleet may cost an hour, in US dollars' },
  maxJobCost: { schema: dollars, what: 'most that workers may cost a job, in US dollars' },
  pricePerHour: {
    schema: dollars,
    what: 'price of a worker hour in US dollars; else a table of common types',
  },
  imagesPerSecond: {
    schema: () => z.coerce.number().positive().max(1_000_000),
    fallback: 20,
    what: 'what one worker does until it was measured',
  },
  fleet: {
    schema: () => z.enum(['ec2', 'asg']),
    fallback: 'ec2',
    what: 'what launches workers (cloud aws): ec2, from a launch template, or asg, an EC2 Auto Scaling group',
  },
  autoScalingGroup: {
    schema: () => z.string().min(1).max(255),
    what: 'EC2 Auto Scaling group of workers (fleet asg)',
  },
  launchTemplate: {
    schema: () => z.string().min(3),
    what: 'EC2 launch template of workers: name or id, or with :VERSION',
  },
  instanceTypes: {
    schema: list,
    what: 'EC2 instance types, comma-separated; else the one of the launch template',
  },
  subnets: {
    schema: list,
    what: 'subnets for workers, comma-separated; else the one of the launch template',
  },
  onDemandPercentage: {
    schema: () => count(0, 100),
    fallback: 100,
    what: 'share of on-demand instances; the rest is spot',
  },
  warm: { schema: () => count(0, 1000), fallback: 0, what: 'stopped instances kept, to be started first' },
  bootDeadlineSeconds: {
    schema: () => seconds(10, 86_400),
    fallback: 600,
    what: 'an instance that is not ready after so long is ended, in seconds',
  },
  maxLifetimeSeconds: {
    schema: () => seconds(60, 20 * 86_400),
    fallback: 86_400,
    what: 'a worker that a controller launched ends after so long, in seconds',
  },
  host: {
    schema: () => z.string().min(1),
    fallback: DEFAULTS.host,
    what: 'address that the page and REST service listen on',
  },
  port: {
    schema: () => count(0, 65_535),
    fallback: DEFAULTS.port,
    what: 'port of the page and REST service; 0 takes a free one',
  },
  token: {
    schema: token,
    isSecret: true,
    what: 'secret that callers of the page and REST service must know',
  },
  tokenSecret: {
    schema: () =>
      z
        .string()
        .regex(
          /^arn:aws[a-z-]*:secretsmanager:[a-z0-9-]+:\d{12}:secret:\S+$/,
          'must be the ARN of a secret of AWS Secrets Manager',
        ),
    what: 'secret of AWS Secrets Manager that holds the token, by its ARN; read when the service starts',
  },
  allowHosts: {
    schema: list,
    what: 'further names under which the service may be called, comma-separated',
  },
  allowBuckets: {
    schema: list,
    what: 'S3 buckets that callers of the service may name, comma-separated',
  },
  uploads: {
    schema: () => z.enum(['direct', 'service']),
    fallback: 'direct',
    what: 'how the page sends images on cloud aws: direct (the browser, to the bucket) or through the service',
  },
  corsOrigins: { schema: list, what: 'origins whose pages may call the service, comma-separated' },
  maxFiles: {
    schema: () => count(1, 100_000),
    fallback: 10_000,
    what: 'most images of one upload to the service',
  },
  maxRequestBytes: {
    schema: () => count(1, 2 ** 40),
    fallback: 16 * 1024 * MEBIBYTE,
    what: 'largest upload to the service, in bytes',
  },
  maxClassifyBytes: {
    schema: () => count(1, 64 * MEBIBYTE),
    fallback: 8 * MEBIBYTE,
    what: 'largest image that the service classifies at once (POST /v1/classify), in bytes',
  },
  classifyTimeoutSeconds: {
    schema: () => seconds(0.1, 60),
    fallback: 10,
    what: 'longest wait of POST /v1/classify for its answer, in seconds',
  },
  maxStreams: {
    schema: () => count(1, 100_000),
    fallback: 2000,
    what: 'event streams of the service open at once',
  },
  requestsPerMinute: {
    schema: () => count(1, 10_000_000),
    fallback: 3000,
    what: 'requests a minute that one address may make of the service',
  },
  proxies: {
    schema: () => count(0, 10),
    fallback: 0,
    what: 'reverse proxies in front of the service, whose X-Forwarded-For says who calls',
  },
  runnerEntry: {
    schema: () => z.string().min(1),
    what: 'script that model runners execute in place of the built-in one',
  },
  logLevel: {
    schema: () => z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    fallback: 'info',
    what: 'least severe log line that a worker writes',
  },
  metrics: {
    schema: () => z.enum(['none', 'emf']),
    fallback: 'none',
    what: "figures of workers and controller: none, or emf (CloudWatch's embedded metric format, in the log)",
  },
} satisfies Record<string, Setting>;
