/** Errors of the SDK by their code: whose fault they are, in our words, and what to do. */
import type { ErrorKind } from '../core/runtime/errors.ts';

const SIGN_IN =
  'Sign in (aws sso login or aws configure), choose a profile with AWS_PROFILE, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.';
const CHECK_KEYS = 'Check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN and AWS_PROFILE.';

const ENDPOINT_FORM =
  'Set AWS_ENDPOINT_URL (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SQS) to scheme, host and port: http://127.0.0.1:9000.';

export interface Cause {
  codes: string[];
  kind: ErrorKind;
  reason?: string;
  hint: string;
}

/** Instead of the general reason, where a profile was chosen. */
export const noCredentialsIn = (profile: string): Pick<Cause, 'reason' | 'hint'> => ({
  reason: `profile ${JSON.stringify(profile)} (AWS_PROFILE) does not exist or has no usable credentials`,
  hint: `"aws configure list-profiles" lists the profiles. Choose one of them, or sign in (aws sso login --profile ${profile}).`,
});

/** Errors that a person must fix, or that the service does not explain well enough. */
export const CAUSES: Cause[] = [
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
    codes: ['ERR_INVALID_URL'],
    kind: 'config',
    reason: 'the endpoint is not a URL',
    hint: ENDPOINT_FORM,
  },
  { codes: ['EndpointError'], kind: 'config', hint: ENDPOINT_FORM },
  {
    codes: ['EPROTO'],
    kind: 'config',
    reason: 'the server does not answer in TLS',
    hint: 'If it has no certificate, set AWS_ENDPOINT_URL to http:// instead of https://.',
  },
  {
    codes: [
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'SELF_SIGNED_CERT_IN_CHAIN',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    ],
    kind: 'config',
    reason: 'the certificate of the server is not from a known authority',
    hint: 'Set NODE_EXTRA_CA_CERTS to a file with the certificate of its authority.',
  },
  {
    codes: ['AccessDenied', 'AccessDeniedException', 'KmsAccessDenied', 'AllAccessDisabled', 'Forbidden'],
    kind: 'permanent',
    reason: 'access is denied',
    hint: 'Check the permissions of the identity in use (aws sts get-caller-identity). Without s3:ListBucket, S3 answers "access denied" for missing objects too.',
  },
];

/** AWS implements every call that imgcls makes. Other servers lack some, and would answer the next attempt alike. */
export const NOT_IMPLEMENTED: Omit<Cause, 'codes'> = {
  kind: 'permanent',
  hint: 'The server behind AWS_ENDPOINT_URL lacks something that imgcls uses. For an S3 server without checksums set AWS_REQUEST_CHECKSUM_CALCULATION=WHEN_REQUIRED.',
};
