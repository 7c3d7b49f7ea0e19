/** Why a deployment failed: the first thing that did, in CloudFormation's words, and what can be done about it. */

import type { StackEvent } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** What CloudFormation says of resources that were well and were stopped since another one failed. */
const CONSEQUENCE = /cancelled|^The following resource\(s\) failed/i;

interface KnownCause {
  says: RegExp;
  do: string;
}

/** What is known of common failures; the first that fits is told. */
const KNOWN_CAUSES: readonly KnownCause[] = [
  {
    says: /AccessDenied|not authorized to perform|UnauthorizedOperation|You are not authorized/i,
    do: 'CloudFormation acts with your permissions: allow the action that is named to your identity (aws sts get-caller-identity).',
  },
  {
    says: /already exists/i,
    do: 'Something of that name is left from before, or belongs to somebody else. Delete it, or choose another name with --cluster. A log group outlives its cluster on purpose: aws logs delete-log-group --log-group-name NAME',
  },
  {
    says: /limit|quota|exceed/i,
    do: 'A quota of the account is used up: ask for more in the Service Quotas console, or use less (--max, --instance-type).',
  },
  {
    says: /InvalidAMI|\bAMI\b|image id/i,
    do: 'The image of the workers is not there or does not fit: "imgcls ami build" makes one; --image names another.',
  },
  {
    says: /certificate/i,
    do: 'Check --certificate: the ARN of an issued certificate of ACM in this region.',
  },
  {
    says: /instance type|architecture|Unsupported/i,
    do: 'Choose another --instance-type or --controller-type, or --subnets in other zones.',
  },
  {
    says: /subnet|Availability Zone|vpc/i,
    do: 'Check --vpc and --subnets: subnets of one VPC, for a page in two zones at least.',
  },
  {
    says: /not empty/i,
    do: 'Something was written into the bucket meanwhile. Stop what writes, then: imgcls destroy',
  },
  {
    says: /stabilize|timed? ?out|Resource handler returned message: "null"/i,
    do: 'AWS gave up waiting for it. Try again; where it fails again, look at the resource in the AWS console.',
  },
];

export type Failure = Pick<StackEvent, 'resource' | 'type' | 'reason'>;

/**
 * The first failure that is none of another's consequences; the stack's own words where no resource failed.
 * @param events of one deployment, oldest first.
 */
export function firstFailure(events: readonly StackEvent[]): Failure | undefined {
  const failed = events.filter(
    ({ status, reason = '' }) => status.endsWith('_FAILED') && !CONSEQUENCE.test(reason),
  );
  const isStack = ({ type }: Failure) => type === 'AWS::CloudFormation::Stack';
  const saying = events.filter(
    (event) => isStack(event) && event.reason && /ROLLBACK|FAILED/.test(event.status),
  );
  return failed.find((event) => !isStack(event)) ?? failed[0] ?? saying[0];
}

/** @param what what was tried, as in "could not be ...": "created". */
export function deploymentError(
  stack: { name: string; status: string },
  what: string,
  events: readonly StackEvent[],
): ImgclsError {
  const failure = firstFailure(events);
  const whole = `All that happened: aws cloudformation describe-stack-events --stack-name ${stack.name}`;
  if (failure === undefined) {
    return new ImgclsError('permanent', `Stack ${stack.name} could not be ${what}: it is ${stack.status}.`, {
      hint: whole,
    });
  }
  const { resource, type, reason = 'CloudFormation gives no reason' } = failure;
  const cause = KNOWN_CAUSES.find(({ says }) => says.test(reason));
  const after = afterwards(stack.status);
  return new ImgclsError(
    'permanent',
    `Stack ${stack.name} could not be ${what}. The first that failed is ${resource} (${type}):\n${reason.replace(/\.?$/, '.')}`,
    { hint: [cause?.do, after, whole].filter((line) => line !== undefined).join('\n') },
  );
}

/** What became of the rest. */
function afterwards(status: string): string | undefined {
  if (status === 'UPDATE_ROLLBACK_COMPLETE') return 'The cluster is as it was before.';
  if (status === 'ROLLBACK_COMPLETE')
    return 'What was made is gone again; the next "imgcls deploy" begins anew.';
  if (status.endsWith('ROLLBACK_FAILED')) return 'Taking it back failed too.';
  return undefined;
}
