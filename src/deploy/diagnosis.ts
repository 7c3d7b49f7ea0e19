// Explains a failed deployment: the first resource that failed, CloudFormation's reason, and what to do about it.

import type { StackEvent } from '../core/aws-account/stacks.ts';
import { ImgclsError } from '../core/runtime/errors.ts';

/** CloudFormation's reason for a resource that it stopped because another one failed. */
const CONSEQUENCE = /cancelled|^The following resource\(s\) failed/i;

interface KnownCause {
  pattern: RegExp;
  advice: string;
}

/** Advice for common failures. The first match is used. */
const KNOWN_CAUSES: readonly KnownCause[] = [
  {
    pattern: /AccessDenied|not authorized to perform|UnauthorizedOperation|You are not authorized/i,
    advice:
      'CloudFormation uses your permissions. Allow the action that it names to your identity (aws sts get-caller-identity).',
  },
  {
    pattern: /already exists/i,
    advice:
      'A resource of that name remains from before or belongs to another account. Delete it, or choose another name with --cluster. Log groups are retained on purpose: aws logs delete-log-group --log-group-name NAME',
  },
  {
    pattern: /QueueDeletedRecently|wait 60 seconds after deleting a queue/i,
    advice: 'SQS keeps the names of deleted queues for a minute. Run the same command again then.',
  },
  {
    pattern: /custom-named resource/i,
    advice:
      'CloudFormation cannot replace a resource under the same name. Remove it first (the page: imgcls deploy --no-with-web), then deploy again.',
  },
  {
    pattern: /DuplicateSubnetsInSameZone|conflicting DNS domain|enableDnsHostnames|enableDnsSupport/i,
    advice:
      'The VPC changed since its endpoints were planned. Run the same command again: it looks at the VPC anew. Or use another --network.',
  },
  {
    pattern: /UnreservedConcurrentExecution/,
    advice:
      'The account has too few concurrent executions of AWS Lambda to reserve one. Use --parameter ReserveConcurrency=false: the controller does not depend on it.',
  },
  {
    pattern: /cannot be assumed by Lambda/i,
    advice: 'The new role is not known everywhere yet. Run the same command again in a minute.',
  },
  {
    pattern: /limit|quota|exceed/i,
    advice:
      'The account has reached a quota. Request more in the Service Quotas console, or use less (--max, --instance-type).',
  },
  {
    pattern: /InvalidAMI|\bAMI\b|image id/i,
    advice:
      'The worker image does not exist or has another architecture. Build one with "imgcls ami build", or name one with --image.',
  },
  {
    pattern: /certificate/i,
    advice: 'Check --certificate: it must be the ARN of an issued ACM certificate in this region.',
  },
  {
    pattern: /instance type|architecture|Unsupported/i,
    advice: 'Choose another --instance-type or --web-type, or --subnets in other zones.',
  },
  {
    pattern: /subnet|Availability Zone|vpc/i,
    advice:
      'Check --vpc and --subnets. The subnets must be in one VPC, and for --with-web in at least two zones.',
  },
  {
    pattern: /not empty/i,
    advice: 'New objects were written to the bucket. Stop all writers, then run "imgcls destroy" again.',
  },
  {
    pattern: /stabilize|timed? ?out|Resource handler returned message: "null"/i,
    advice:
      'AWS timed out waiting for the resource. Try again. If it fails again, check the resource in the AWS console.',
  },
];

export type Failure = Pick<StackEvent, 'resource' | 'type' | 'reason'>;

/**
 * The first failure that is no consequence of another one; the stack's own event if no resource failed.
 * @param events of one deployment, oldest first.
 */
export function firstFailure(events: readonly StackEvent[]): Failure | undefined {
  const failed = events.filter(
    ({ status, reason = '' }) => status.endsWith('_FAILED') && !CONSEQUENCE.test(reason),
  );
  const isStack = ({ type }: Failure) => type === 'AWS::CloudFormation::Stack';
  const stackFailures = events.filter(
    (event) => isStack(event) && event.reason && /ROLLBACK|FAILED/.test(event.status),
  );
  return failed.find((event) => !isStack(event)) ?? failed[0] ?? stackFailures[0];
}

/** @param what the operation, as in "could not be ...": "created". */
export function deploymentError(
  stack: { name: string; status: string },
  what: string,
  events: readonly StackEvent[],
): ImgclsError {
  const failure = firstFailure(events);
  const allEvents = `See all events: aws cloudformation describe-stack-events --stack-name ${stack.name}`;
  if (failure === undefined) {
    return new ImgclsError('permanent', `Stack ${stack.name} could not be ${what}: it is ${stack.status}.`, {
      hint: allEvents,
    });
  }
  const { resource, type, reason = 'CloudFormation gave no reason' } = failure;
  const cause = KNOWN_CAUSES.find(({ pattern }) => pattern.test(reason));
  const after = rollbackText(stack.status);
  return new ImgclsError(
    'permanent',
    `Stack ${stack.name} could not be ${what}. The first failure is ${resource} (${type}):\n${reason.replace(/\.?$/, '.')}`,
    { hint: [cause?.advice, after, allEvents].filter((line) => line !== undefined).join('\n') },
  );
}

/** The state of the other resources. */
function rollbackText(status: string): string | undefined {
  if (status === 'UPDATE_ROLLBACK_COMPLETE') return 'The update was rolled back: the cluster is as before.';
  if (status === 'ROLLBACK_COMPLETE')
    return 'The deployment was rolled back. The next "imgcls deploy" starts from scratch.';
  if (status === 'ROLLBACK_FAILED') return 'The next "imgcls deploy" starts from scratch.';
  if (status.endsWith('ROLLBACK_FAILED')) return 'The rollback failed, too.';
  return undefined;
}
