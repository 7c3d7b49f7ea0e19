/** Turns errors of the AWS SDK into errors of ours, with a kind (who can fix it) and a hint (how). */
import { DamagedError, type ErrorKind, ImgclsError, messageOf } from '../core/runtime/errors.ts';

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

const SIGN_IN =
  'Sign in (aws sso login or aws configure), choose a profile with AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
const CHECK_KEYS = 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE.';

interface Cause {
  codes: string[];
  kind: ErrorKind;
  reason?: string;
  hint: string;
}

/** Errors that a person must fix, or that the service does not explain well enough. */
const CAUSES: Cause[] = [
  {
    codes: ['CredentialsProviderError', 'TokenProviderError'],
    kind: 'config',
    reason: 'no usable AWS credentials were found',
    hint: SIGN_IN,
  },
  {
    codes: ['RequestExpired'],
    kind: 'permanent',
    reason: 'the AWS credentials have expired, or the clock of this machine is wrong',
    hint: `Set the clock (turn on time synchronisation), or get new credentials. ${SIGN_IN}`,
  },
  {
    codes: ['ExpiredToken', 'ExpiredTokenException', 'TokenRefreshRequired'],
    kind: 'permanent',
    reason: 'the AWS credentials have expired',
    hint: `Get new credentials. ${SIGN_IN}`,
  },
  {
    codes: ['UnauthorizedOperation'],
    kind: 'permanent',
    reason: 'access is denied',
    hint: 'Grant the named action to the identity in use (aws sts get-caller-identity).',
  },
  {
    codes: [
      'InvalidLaunchTemplateName.NotFoundException',
      'InvalidLaunchTemplateId.NotFound',
      'InvalidLaunchTemplateId.Malformed',
      'InvalidLaunchTemplateId.VersionNotFound',
      'InvalidLaunchTemplateName.MalformedException',
    ],
    kind: 'config',
    reason: 'this region has no such launch template or version of it',
    hint: 'Check --launch-template: a name or an id, optionally with :VERSION. "aws ec2 describe-launch-templates" lists templates.',
  },
  {
    codes: ['InvalidAMIID.NotFound', 'InvalidAMIID.Malformed', 'InvalidAMIID.Unavailable'],
    kind: 'config',
    reason: 'the machine image does not exist in this region, or this account may not use it',
    hint: 'Build one with "imgcls ami build", then run "imgcls deploy" to put it into the launch template.',
  },
  {
    codes: ['InvalidInstanceType'],
    kind: 'config',
    reason: 'this region has no such instance type',
    hint: 'Check --instance-types. "aws ec2 describe-instance-types" lists the types of the region.',
  },
  {
    codes: ['RequestTimeTooSkewed', 'RequestInTheFuture'],
    kind: 'permanent',
    reason: 'the clock of this machine is wrong',
    hint: 'Set the clock (turn on time synchronisation). AWS rejects requests that are 15 minutes off.',
  },
  {
    codes: ['InvalidAccessKeyId', 'InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidToken'],
    kind: 'permanent',
    reason: 'AWS does not recognise the credentials',
    hint: CHECK_KEYS,
  },
  {
    codes: ['SignatureDoesNotMatch', 'InvalidSignatureException', 'AuthFailure', 'InvalidSecurity'],
    kind: 'permanent',
    hint: `${CHECK_KEYS} A wrong clock on this machine causes the same error.`,
  },
  {
    codes: ['NoSuchBucket'],
    kind: 'permanent',
    reason: 'the bucket does not exist',
    hint: 'Check the name of the bucket and the region. "imgcls deploy" creates the buckets of a cluster.',
  },
  {
    codes: ['PermanentRedirect', 'AuthorizationHeaderMalformed', 'IllegalLocationConstraintException'],
    kind: 'permanent',
    reason: 'the bucket is in another region',
    hint: 'Set AWS_REGION to the region of the bucket.',
  },
  {
    codes: ['InvalidObjectState'],
    kind: 'permanent',
    reason: 'the object is archived',
    hint: 'Restore it first (aws s3api restore-object).',
  },
  {
    codes: ['QueueDeletedRecently'],
    kind: 'transient',
    hint: 'SQS blocks the name of a deleted queue for 60 seconds. Try again then.',
  },
  {
    codes: ['ENOTFOUND'],
    kind: 'transient',
    hint: 'The host name was not found. Check the network, AWS_REGION and AWS_ENDPOINT_URL.',
  },
  {
    codes: ['ECONNREFUSED'],
    kind: 'transient',
    hint: 'The host refused the connection. Check the network, the proxy and AWS_ENDPOINT_URL.',
  },
  {
    codes: ['AccessDenied', 'AccessDeniedException', 'KmsAccessDenied', 'AllAccessDisabled', 'Forbidden'],
    kind: 'permanent',
    reason: 'access is denied',
    hint: 'Check the permissions of the identity in use (aws sts get-caller-identity). Without s3:ListBucket, S3 answers "access denied" for missing objects too.',
  },
];

/** AWS implements every call that imgcls makes. Other servers lack some, and would answer the next attempt alike. */
const NOT_IMPLEMENTED: Omit<Cause, 'codes'> = {
  kind: 'permanent',
  hint: 'The server behind AWS_ENDPOINT_URL lacks something that imgcls uses. For an S3 server without checksums set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.',
};

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
  if (message.includes('Deserialization error')) return causeOfUnreadable(statusOf(error) ?? 0);
  if (statusOf(error) === 501) return NOT_IMPLEMENTED;
  const known = CAUSES.find(({ codes }) => hasCode(error, ...codes));
  if (known !== undefined) return known;
  if (isTransientError(error)) return { kind: 'transient' };
  return causeOfStatus(statusOf(error));
}

/** The response is neither XML nor JSON of AWS: it is the page of a proxy, or was cut off. */
function causeOfUnreadable(status: number): ReturnType<typeof causeOf> {
  return {
    kind: status < 300 || status >= 500 ? 'transient' : 'permanent',
    reason: `the response (HTTP ${status}) did not come from AWS`,
    hint: 'Check AWS_ENDPOINT_URL and the proxies on the way.',
  };
}

/** For errors without a known code. */
function causeOfStatus(status: number | undefined): ReturnType<typeof causeOf> {
  const denied = CAUSES.find(({ codes }) => codes.includes('AccessDenied'));
  if (status === 403 && denied !== undefined) return denied;
  if (status === 301) return { kind: 'permanent', hint: 'Set AWS_REGION to the region of the bucket.' };
  if (status === 400) {
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
