import { describe, expect, it } from 'vitest';
import type { StackEvent } from '../../../src/core/aws-account/stacks.ts';
import { deploymentError, firstFailure } from '../../../src/deploy/diagnosis.ts';
import { event } from './fake-stacks.ts';

/** CloudFormation's events of a first deployment whose bucket name was taken. */
const taken: StackEvent[] = [
  event('CREATE_IN_PROGRESS', undefined, 'User Initiated'),
  event('CREATE_IN_PROGRESS', 'InputBucket', undefined, 'AWS::S3::Bucket'),
  event('CREATE_IN_PROGRESS', 'WorkerRole', undefined, 'AWS::IAM::Role'),
  event(
    'CREATE_FAILED',
    'InputBucket',
    'imgcls-default-input-123456789012-eu-west-1 already exists (Service: S3, Status Code: 0)',
    'AWS::S3::Bucket',
  ),
  event('CREATE_FAILED', 'WorkerRole', 'Resource creation cancelled', 'AWS::IAM::Role'),
  event(
    'ROLLBACK_IN_PROGRESS',
    undefined,
    'The following resource(s) failed to create: [InputBucket, WorkerRole]. Rollback requested by user.',
  ),
  event('DELETE_COMPLETE', 'WorkerRole', undefined, 'AWS::IAM::Role'),
  event('ROLLBACK_COMPLETE'),
];

describe('the first failure', () => {
  it('is the cause of the others', () => {
    expect(firstFailure(taken)).toMatchObject({ resource: 'InputBucket', type: 'AWS::S3::Bucket' });
  });

  it('is a cause, even after a consequence', () => {
    const events = [
      event('CREATE_FAILED', 'Role', 'Resource creation cancelled'),
      event('CREATE_FAILED', 'Bucket', 'Access Denied'),
    ];
    expect(firstFailure(events)).toMatchObject({ resource: 'Bucket' });
  });

  it("is the stack's own event when no resource failed", () => {
    const events = [
      event('ROLLBACK_IN_PROGRESS', undefined, 'Transform AWS::Include failed'),
      event('ROLLBACK_COMPLETE'),
    ];
    expect(firstFailure(events)).toMatchObject({ reason: 'Transform AWS::Include failed' });
    expect(firstFailure([event('DELETE_COMPLETE')])).toBeUndefined();
  });
});

describe('the error of a deployment', () => {
  it('names the resource, the reason, what to do, the rollback and where to see all events', () => {
    const error = deploymentError({ name: 'imgcls-default', status: 'ROLLBACK_COMPLETE' }, 'created', taken);
    expect(error.message).toMatch(
      /could not be created.*InputBucket \(AWS::S3::Bucket\):\nimgcls-default-input.*already exists/,
    );
    expect(error.hint).toMatch(/--cluster/);
    expect(error.hint).toMatch(/was rolled back\. The next "imgcls deploy" starts from scratch/);
    expect(error.hint).toMatch(/describe-stack-events --stack-name imgcls-default/);
  });

  it.each([
    [
      'User: arn:aws:iam::1:user/x is not authorized to perform: iam:CreateRole on resource: role y',
      /Allow the action/,
    ],
    ['/imgcls/default already exists in stack arn:aws', /delete-log-group/],
    ['The maximum number of VPC endpoints has been reached. VpcEndpointLimitExceeded', /Service Quotas/],
    [
      "Specified ReservedConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum value of [10].",
      /ReserveConcurrency=false/,
    ],
    ['The role defined for the function cannot be assumed by Lambda.', /again in a minute/],
    ["The image id '[ami-1]' does not exist", /imgcls ami build/],
    ["Certificate 'arn:aws:acm:x' not found", /--certificate/],
    [
      'Your requested instance type (c7i.large) is not supported in your requested Availability Zone',
      /--instance-type/,
    ],
    ['At least two subnets in two different Availability Zones must be specified', /--subnets/],
    ['The bucket you tried to delete is not empty', /imgcls destroy/],
    ['Resource timed out waiting for completion', /Try again/],
  ])('has advice for: %s', (reason, advice) => {
    const events = [event('CREATE_FAILED', 'Thing', reason)];
    const { hint } = deploymentError({ name: 's', status: 'ROLLBACK_COMPLETE' }, 'created', events);
    expect(hint?.split('\n')[0]).toMatch(advice);
  });

  it('gives the state when nothing else is known', () => {
    expect(deploymentError({ name: 's', status: 'DELETE_COMPLETE' }, 'deployed', []).message).toBe(
      'Stack s could not be deployed: it is DELETE_COMPLETE.',
    );
  });
});
