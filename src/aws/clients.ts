/** One client a service, set up once. Profile, region, credentials and endpoint come from AWS's own settings. */
import { AutoScalingClient, type AutoScalingClientConfig } from '@aws-sdk/client-auto-scaling';
import { EC2Client, type EC2ClientConfig } from '@aws-sdk/client-ec2';
import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3';
import { SQSClient, type SQSClientConfig } from '@aws-sdk/client-sqs';
import { STREAM_FROM_BYTES } from './s3-body.ts';

export interface SdkClientOptions {
  /** Else AWS_REGION or the profile's. */
  region?: string;
  /** How many requests the caller has under way at once. */
  concurrency?: number;
}

const CONNECT_TIMEOUT_MS = 5_000;
/** A connection that moves no byte for so long is cut. No limit on a request: a large body may take its time. */
const S3_IDLE_TIMEOUT_MS = 30_000;
/** The longest poll, 20 s, and time to answer. */
const REQUEST_TIMEOUT_MS = 30_000;
const MAX_ATTEMPTS = 6;

/** The SDK writes warnings to the console where it has no logger. What matters is in the errors that we throw. */
const noLog = { debug() {}, info() {}, warn() {}, error() {} };

/** Streams and long polls hold a connection each while other requests go on, hence twice and some. */
const agent = (concurrency = 16) => ({ keepAlive: true, maxSockets: 2 * concurrency + 8 });

const common = ({ region }: SdkClientOptions) => ({
  ...(region === undefined ? {} : { region }),
  retryMode: 'adaptive',
  maxAttempts: MAX_ATTEMPTS,
  logger: noLog,
});

/**
 * A client for {@link createS3Store}; `destroy()` closes its connections. Requests and answers carry checksums
 * unless AWS_REQUEST_CHECKSUM_CALCULATION says otherwise; buckets of other regions are followed there.
 */
export function createS3Client(options: SdkClientOptions = {}): S3Client {
  const config: S3ClientConfig = {
    ...common(options),
    followRegionRedirects: true,
    // A stream cannot be sent twice: the server is asked first whether it wants the body.
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
  // Servers other than AWS's seldom have a host name for each bucket. The endpoint may stand in the environment or
  // in the profile, and the SDK looks there at the first request only.
  client.middlewareStack.add(
    (next) => async (args) => {
      client.config.forcePathStyle ||= (await client.config.serviceConfiguredEndpoint?.()) !== undefined;
      return next(args);
    },
    { step: 'initialize', name: 'pathStyleWithEndpoint' },
  );
  return client;
}

/** `destroy()` closes its connections. */
export function createSqsClient(options: SdkClientOptions = {}): SQSClient {
  const config: SQSClientConfig = smallRequests(options);
  return new SQSClient(config);
}

/** `destroy()` closes its connections. */
export function createEc2Client(options: SdkClientOptions = {}): EC2Client {
  const config: EC2ClientConfig = smallRequests(options);
  return new EC2Client(config);
}

/**
 * `destroy()` closes its connections. Sends every request once: ending an instance twice would lower the capacity twice,
 * and src/aws/auto-scaling.ts knows which may be sent again.
 */
export function createAutoScalingClient(options: SdkClientOptions = {}): AutoScalingClient {
  const config: AutoScalingClientConfig = { ...smallRequests(options), maxAttempts: 1 };
  return new AutoScalingClient(config);
}

/** For a client of a service whose requests are small; `destroy()` of the client closes its connections. */
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
