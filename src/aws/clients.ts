/** One SDK client for each service. Profile, region, credentials and endpoint come from AWS's own settings. */
import { AutoScalingClient, type AutoScalingClientConfig } from '@aws-sdk/client-auto-scaling';
import { EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { STREAM_FROM_BYTES } from './s3-body.ts';

export interface SdkClientOptions {
  /** Default: AWS_REGION, or the region of the profile. */
  region?: string;
  /** How many requests the caller makes at once. */
  concurrency?: number;
  /** Who pays for what is read. A bucket whose requester pays refuses reads that do not accept the cost. */
  requestPayer?: 'owner' | 'requester';
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection without traffic is closed after this time. Requests have no limit: a large body takes long. */
const S3_IDLE_TIMEOUT_MS = 30_000;
/** The longest poll is 20 s; the rest is time for the response. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 6;

/**
 * Without a logger the SDK writes warnings to the console. Our errors carry what matters. It has no `info` and no `error`: for
 * them the SDK would copy every request and response.
 */
const noLog = { debug() {}, warn() {} } as Record<'debug' | 'info' | 'warn' | 'error', () => void>;

/** A controller reads the statuses of so many workers at once, and does other things besides. */
const LEAST_SOCKETS = 72;

/** Each stream and each long poll holds a connection while other requests run, hence twice as many and 8 more. */
const agent = (concurrency = 16) => ({
  keepAlive: true,
  maxSockets: Math.max(2 * concurrency + 8, LEAST_SOCKETS),
});

const common = ({ region }: SdkClientOptions) => ({
  ...(region === undefined ? {} : { region }),
  retryMode: 'adaptive',
  maxAttempts: MAX_ATTEMPTS,
  logger: noLog,
});

/**
 * A client for {@link createS3Store}; `destroy()` closes its connections. Requests and responses carry checksums
 * unless AWS_REQUEST_CHECKSUM_CALCULATION disables them. Redirects to the region of a bucket are followed.
 */
export function createS3Client(options: SdkClientOptions = {}): S3Client {
  const config: S3ClientConfig = {
    ...common(options),
    followRegionRedirects: true,
    // A stream cannot be sent twice: ask the server first whether it accepts the body.
    expectContinueHeader: STREAM_FROM_BYTES,
    requestHandler: {
      httpAgent: agent(options.concurrency),
      httpsAgent: agent(options.concurrency),
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: S3_IDLE_TIMEOUT_MS,
      logger: noLog,
    },
  };
  const client = new S3Client(config);
  // S3 servers other than AWS's seldom have a host name for each bucket. The endpoint may be set in the environment
  // or in the profile, which the SDK reads only at the first request.
  client.middlewareStack.add(
    (next) => async (args) => {
      client.config.forcePathStyle ||= (await client.config.serviceConfiguredEndpoint?.()) !== undefined;
      return next(args);
    },
    { step: 'initialize', name: 'pathStyleWithEndpoint' },
  );
  if (options.requestPayer === 'requester') payForReads(client);
  return client;
}

/** The SDK takes the consent as a parameter of each command only. */
function payForReads(client: S3Client): void {
  client.middlewareStack.add(
    (next) => async (args) => {
      const request = args.request as { method: string; headers: Record<string, string> };
      if (['GET', 'HEAD'].includes(request.method)) request.headers['x-amz-request-payer'] = 'requester';
      return next(args);
    },
    { step: 'build', name: 'payForReads' },
  );
}

/**
 * `destroy()` closes its connections. Every request goes to the endpoint of the settings or of the region. The URL of a
 * queue is only its name: other servers, and AWS's private endpoints, put a host into it that may be out of reach.
 */
export function createSqsClient(options: SdkClientOptions = {}): SQSClient {
  const config: SQSClientConfig = { ...smallRequests(options), useQueueUrlAsEndpoint: false };
  return new SQSClient(config);
}

/** `destroy()` closes its connections. */
export function createEc2Client(options: SdkClientOptions = {}): EC2Client {
  const config: EC2ClientConfig = smallRequests(options);
  return new EC2Client(config);
}

/**
 * `destroy()` closes its connections. Sends every request once: terminating an instance twice would lower the capacity
 * twice. src/aws/auto-scaling.ts retries what is safe to repeat.
 */
export function createAutoScalingClient(options: SdkClientOptions = {}): AutoScalingClient {
  const config: AutoScalingClientConfig = { ...smallRequests(options), maxAttempts: 1 };
  return new AutoScalingClient(config);
}

/** Configures the client of a service whose requests are small; `destroy()` of the client closes its connections. */
export const smallRequests = (options: SdkClientOptions = {}) => ({
  ...common(options),
  requestHandler: {
    httpAgent: agent(options.concurrency),
    httpsAgent: agent(options.concurrency),
    connectionTimeout: CONNECT_TIMEOUT_MS,
    requestTimeout: REQUEST_TIMEOUT_MS,
    throwOnRequestTimeout: true,
    logger: noLog,
  },
});
