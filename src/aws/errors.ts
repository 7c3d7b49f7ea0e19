/** What the AWS SDK throws, as errors of ours: who can act on them, and how. */
import { DamagedError, type ErrorKind, ImgclsError, messageOf } from '../core/runtime/errors.ts';

/** The fields of SDK, service and network errors that tell them apart; any may be absent. */
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

/** Every name that the error goes by. SQS prefixes some of its names in one of its two protocols. */
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
  // Throttling, and limits that pass.
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
  // The service's own trouble.
  'InternalError',
  'InternalFailure',
  'Unavailable',
  'ServiceUnavailable',
  'OperationAborted',
  'ConditionalRequestConflict',
  'ResourceContention',
  'ScalingActivityInProgress',
  // What a bad connection does to a request.
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

/** True where the same request may succeed later, going by a code alone (as bulk answers give it). */
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

/** Errors that a person has to end, or that need more words than the service has for them. */
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
    hint: `Get new ones. ${SIGN_IN}`,
  },
  {
    codes: ['UnauthorizedOperation'],
    kind: 'permanent',
    reason: 'access is denied',
    hint: 'Allow the action that is named to the identity in use (aws sts get-caller-identity).',
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
    reason: 'there is no such launch template, or no such version of it, in this region',
    hint: '"aws ec2 describe-launch-templates" lists them; --launch-template takes a name or an id, with :VERSION if need be.',
  },
  {
    codes: ['InvalidAMIID.NotFound', 'InvalidAMIID.Malformed', 'InvalidAMIID.Unavailable'],
    kind: 'config',
    reason: 'there is no such machine image in this region, or it may not be seen',
    hint: '"imgcls ami build" makes one, "imgcls deploy" puts the newest into the launch template.',
  },
  {
    codes: ['InvalidInstanceType'],
    kind: 'config',
    reason: 'EC2 knows no such instance type in this region',
    hint: 'Check --instance-types; "aws ec2 describe-instance-types" lists those there are.',
  },
  {
    codes: ['RequestTimeTooSkewed', 'RequestInTheFuture'],
    kind: 'permanent',
    reason: 'the clock of this machine is wrong',
    hint: 'Set the clock (turn on time synchronisation): AWS takes requests within 15 minutes of its own.',
  },
  {
    codes: ['InvalidAccessKeyId', 'InvalidClientTokenId', 'UnrecognizedClientException', 'InvalidToken'],
    kind: 'permanent',
    reason: 'AWS does not know the credentials',
    hint: CHECK_KEYS,
  },
  {
    codes: ['SignatureDoesNotMatch', 'InvalidSignatureException', 'AuthFailure', 'InvalidSecurity'],
    kind: 'permanent',
    hint: `${CHECK_KEYS} A wrong clock on this machine has the same effect.`,
  },
  {
    codes: ['NoSuchBucket'],
    kind: 'permanent',
    reason: 'the bucket does not exist',
    hint: 'Check the name of the bucket and the region; `imgcls deploy` makes the buckets of a cluster.',
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
    hint: 'Restore it from its archive (aws s3api restore-object) first.',
  },
  {
    codes: ['QueueDeletedRecently'],
    kind: 'transient',
    hint: 'The name of a deleted queue is blocked for 60 seconds.',
  },
  {
    codes: ['ENOTFOUND'],
    kind: 'transient',
    hint: 'Check the network, AWS_REGION and AWS_ENDPOINT_URL: there is no such host.',
  },
  {
    codes: ['ECONNREFUSED'],
    kind: 'transient',
    hint: 'Check the network, a proxy and AWS_ENDPOINT_URL: nobody answers there.',
  },
  {
    codes: ['AccessDenied', 'AccessDeniedException', 'KmsAccessDenied', 'AllAccessDisabled', 'Forbidden'],
    kind: 'permanent',
    reason: 'access is denied',
    hint: 'Check the permissions of the identity in use (aws sts get-caller-identity). Without s3:ListBucket S3 denies objects that are not there, too.',
  },
];

/** For answers that have no body to say it. */
export const noSuchBucket = (bucket: string, cause: unknown): ImgclsError =>
  awsError(
    Object.assign(new Error('no such bucket', { cause }), { code: 'NoSuchBucket' }),
    `reach bucket ${bucket}`,
  );

/**
 * An error of the SDK as one of ours, with the origin as its cause. Errors of ours stay as they are.
 * @param what what was tried, as in "Could not ...": "read s3://bucket/key".
 */
export function awsError(error: unknown, what: string): ImgclsError {
  if (error instanceof ImgclsError) return error;
  // The SDK has no code for it.
  if (/^checksum mismatch/i.test(messageOf(error)))
    return new DamagedError(`Could not ${what}: its bytes are not those of its checksum.`, error);
  const { kind, reason = wordsOf(error), hint } = causeOf(error);
  const options = hint === undefined ? { cause: error } : { hint, cause: error };
  return new ImgclsError(kind, `Could not ${what}: ${reason.replace(/\.$/, '')}.`, options);
}

/**
 * Of the errors of a host with several addresses only the single ones have words, and an answer to HEAD has no body to
 * bring any: the status stands for them then.
 */
function wordsOf(error: unknown): string {
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
  if (message.includes('Deserialization error')) return causeOfStrange(statusOf(error) ?? 0);
  const known = CAUSES.find(({ codes }) => hasCode(error, ...codes));
  if (known !== undefined) return known;
  if (isTransientError(error)) return { kind: 'transient' };
  return causeOfStatus(statusOf(error));
}

/** The answer is neither XML nor JSON of AWS: a proxy's page, or one that was cut off. */
function causeOfStrange(status: number): ReturnType<typeof causeOf> {
  return {
    kind: status < 300 || status >= 500 ? 'transient' : 'permanent',
    reason: `the answer (HTTP ${status}) is not one of AWS`,
    hint: 'Check AWS_ENDPOINT_URL and the proxies between here and there.',
  };
}

/** Where nothing but the status tells. */
function causeOfStatus(status: number | undefined): ReturnType<typeof causeOf> {
  const denied = CAUSES.find(({ codes }) => codes.includes('AccessDenied'));
  if (status === 403 && denied !== undefined) return denied;
  if (status === 301) return { kind: 'permanent', hint: 'Set AWS_REGION to the region of the bucket.' };
  if (status === 400) {
    return { kind: 'permanent', hint: 'Expired credentials and a wrong region are common causes.' };
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
    // Nor one for messages that were damaged on the way.
    /checksum/i.test(messageOf(error))
  );
}
