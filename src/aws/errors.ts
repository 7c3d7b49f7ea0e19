/** Turns errors of the AWS SDK into errors of ours, with a kind (who can fix it) and a hint (how). */
import { DamagedError, type ErrorKind, ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { CAUSES, NOT_IMPLEMENTED, noCredentialsIn } from './error-causes.ts';

/** The fields that identify SDK, service and network errors. Any may be absent. */
interface SdkError {
  name?: string;
  code?: unknown;
  Code?: unknown;
  Error?: { Code?: unknown };
  $fault?: 'client' | 'server';
  $retryable?: object;
  $metadata?: { httpStatusCode?: number; attempts?: number };
}

const fieldsOf = (error: unknown): SdkError => (typeof error === 'object' && error !== null ? error : {});

/** All codes of the error. In one of its two protocols SQS adds a prefix to some of them. */
function codesOf(error: unknown): string[] {
  const { name, code, Code, Error: inner } = fieldsOf(error);
  return [name, code, Code, inner?.Code]
    .filter((each) => typeof each === 'string')
    .map((each) => each.replace(/^AWS\.SimpleQueueService\./, ''));
}

export const hasCode = (error: unknown, ...codes: string[]): boolean =>
  codesOf(error).some((code) => codes.includes(code));

export const statusOf = (error: unknown): number | undefined => fieldsOf(error).$metadata?.httpStatusCode;

/** How often the SDK sent the request. */
export const attemptsOf = (error: unknown): number => fieldsOf(error).$metadata?.attempts ?? 1;

const TRANSIENT_CODES = [
  // Throttling and temporary limits.
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'ThrottledException',
  'RequestThrottled',
  'RequestThrottledException',
  'RequestLimitExceeded',
  'TooManyRequestsException',
  'BandwidthLimitExceeded',
  'KmsThrottled',
  'OverLimit',
  // Failures of the service.
  'InternalError',
  'InternalFailure',
  'Unavailable',
  'ServiceUnavailable',
  'OperationAborted',
  'ConditionalRequestConflict',
  'ResourceContention',
  'ScalingActivityInProgress',
  // Failures of the connection.
  'RequestTimeout',
  'RequestTimeoutException',
  'IncompleteBody',
  'BadDigest',
  'TimeoutError',
  'AbortError',
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ERR_STREAM_PREMATURE_CLOSE',
];

/** Whether the same request may succeed later, judged by its code alone (bulk responses give no more). */
export const isTransientCode = (code: string | undefined): boolean =>
  code !== undefined && TRANSIENT_CODES.includes(code.replace(/^AWS\.SimpleQueueService\./, ''));

/** For responses without a body, where S3 gives only a status. */
export const noSuchBucket = (bucket: string, cause: unknown): ImgclsError =>
  awsError(
    Object.assign(new Error('no such bucket', { cause }), { code: 'NoSuchBucket' }),
    `reach bucket ${bucket}`,
  );

/**
 * Turns an error of the SDK into one of ours, with the original as its cause. Errors of ours stay as they are.
 * @param what the attempted action, to follow "Could not": "read s3://bucket/key".
 */
export function awsError(error: unknown, what: string): ImgclsError {
  if (error instanceof ImgclsError) return error;
  // The SDK has no code for this error.
  if (/^checksum mismatch/i.test(messageOf(error)))
    return new DamagedError(`Could not ${what}: the bytes do not match the checksum.`, error);
  const { kind, reason = reasonOf(error), hint } = causeOf(error);
  const options = hint === undefined ? { cause: error } : { hint, cause: error };
  return new ImgclsError(kind, `Could not ${what}: ${reason.replace(/\.$/, '')}.`, options);
}

/** A permanent error: a server that leaves a field out does so in every response. */
export const lacks = (response: string, field: string): ImgclsError =>
  new ImgclsError('permanent', `${response} lacks ${field}.`, {
    hint: 'imgcls needs it, and AWS always sends it. docs/compatibility.md names other servers that were tried.',
  });

/**
 * The message of an error. For a host with several addresses only the inner errors have messages. A response to HEAD
 * has no body and so no message: the status takes its place.
 */
function reasonOf(error: unknown): string {
  const message = messageOf(
    error instanceof AggregateError && error.message === '' ? error.errors[0] : error,
  );
  const status = statusOf(error);
  const isEmpty = /^(UnknownError|Unknown|\d+)?$/.test(message);
  return isEmpty && status !== undefined ? `AWS answered ${status}` : message;
}

function causeOf(error: unknown): { kind: ErrorKind; reason?: string; hint?: string } {
  const message = messageOf(error);
  if (message === 'Region is missing') {
    return {
      kind: 'config',
      reason: 'no AWS region is set',
      hint: 'Set AWS_REGION, or give the profile a region (aws configure).',
    };
  }
  if (statusOf(error) === 501) return NOT_IMPLEMENTED;
  if (message.includes('Deserialization error')) return causeOfUnreadable(statusOf(error) ?? 0);
  const known = CAUSES.find(({ codes }) => hasCode(error, ...codes));
  const profile = process.env.AWS_PROFILE;
  if (known?.codes.includes('CredentialsProviderError') === true && profile !== undefined)
    return { ...known, ...noCredentialsIn(profile) };
  if (known !== undefined) return known;
  if (isTransientError(error)) return { kind: 'transient' };
  return causeOfStatus(statusOf(error), codesOf(error));
}

/** The response is neither XML nor JSON of AWS: it is the page of a proxy, or was cut off. */
function causeOfUnreadable(status: number): ReturnType<typeof causeOf> {
  return {
    kind: status < 300 || status >= 500 ? 'transient' : 'permanent',
    reason: `the response (HTTP ${status}) did not come from AWS`,
    hint: 'Check AWS_ENDPOINT_URL and the proxies on the way.',
  };
}

/** What the SDK uses as the code of a response without one. */
const NO_CODE = /^(\d+|BadRequest|Unknown|UnknownError|Error)$/;

/** For errors without a known code. */
function causeOfStatus(status: number | undefined, codes: string[]): ReturnType<typeof causeOf> {
  const denied = CAUSES.find(({ codes }) => codes.includes('AccessDenied'));
  if (status === 403 && denied !== undefined) return denied;
  if (status === 301) return { kind: 'permanent', hint: 'Set AWS_REGION to the region of the bucket.' };
  // A code of its own says what is wrong with the request.
  if (status === 400 && codes.every((code) => NO_CODE.test(code))) {
    return {
      kind: 'permanent',
      hint: 'Expired credentials or a wrong region can cause this. Check both.',
    };
  }
  return { kind: 'permanent' };
}

function isTransientError(error: unknown): boolean {
  const { $fault, $retryable } = fieldsOf(error);
  const status = statusOf(error) ?? 0;
  return (
    codesOf(error).some(isTransientCode) ||
    $retryable !== undefined ||
    $fault === 'server' ||
    status >= 500 ||
    status === 429 ||
    // The SDK has no code for messages that were damaged on the way.
    /checksum/i.test(messageOf(error))
  );
}
