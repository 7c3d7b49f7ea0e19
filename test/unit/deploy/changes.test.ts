import { describe, expect, it } from 'vitest';
import { requestedParameters } from '../../../src/cli/aws/deploy-parameters.ts';
import type { ResourceChange } from '../../../src/core/aws-account/stacks.ts';
import { changeRows, changeSummary, changeWarnings } from '../../../src/deploy/changes.ts';

const changes: ResourceChange[] = [
  { action: 'Add', resource: 'Web', type: 'AWS::ElasticLoadBalancingV2::LoadBalancer' },
  { action: 'Modify', resource: 'Role', type: 'AWS::IAM::Role', replacement: 'no' },
  { action: 'Modify', resource: 'Requests', type: 'AWS::SQS::Queue', replacement: 'yes' },
  { action: 'Modify', resource: 'Template', type: 'AWS::EC2::LaunchTemplate', replacement: 'maybe' },
  { action: 'Remove', resource: 'OldBucket', type: 'AWS::S3::Bucket' },
];

describe('the changes of a deployment', () => {
  it('show losses first', () => {
    expect(
      changeRows(changes).map(([action, resource, , replacement]) => [action, resource, replacement]),
    ).toEqual([
      ['remove', 'OldBucket', ''],
      ['change', 'Requests', 'yes'],
      ['change', 'Template', 'maybe'],
      ['change', 'Role', 'no'],
      ['add', 'Web', ''],
    ]);
  });

  it('are summed up', () => {
    expect(changeSummary(changes)).toBe('1 to add, 3 to change (1 replaced), 1 to remove.');
    expect(changeSummary([])).toBe('No resource changes, only outputs or descriptions.');
  });

  it('warn of buckets and queues that lose their contents', () => {
    expect(changeWarnings(changes)).toEqual([
      'The contents of Requests, OldBucket would be lost, or the deployment would fail.',
    ]);
  });

  it('warn when the page gets a new address', () => {
    const [page] = changes.map(({ resource, type }) => ({ action: 'Modify', resource, type }));
    const warnings = (replacement: 'yes' | 'no') =>
      changeWarnings(page === undefined ? [] : [{ ...page, replacement }]);
    expect(warnings('yes')).toEqual([expect.stringContaining('new address (output WebUrl)')]);
    expect(warnings('no')).toEqual([]);
  });
});

describe('flags of a deployment', () => {
  it('become parameters of the template, if they were set', () => {
    expect(requestedParameters({ max: 0, controller: false, withWeb: true, readBucket: ['a', 'b'] })).toEqual(
      [
        { flag: '--max', parameter: 'MaxWorkers', value: '0' },
        { flag: '--controller', parameter: 'WithController', value: 'false' },
        { flag: '--with-web', parameter: 'WithWeb', value: 'true' },
        { flag: '--read-bucket', parameter: 'ReadBuckets', value: 'a,b' },
      ],
    );
    expect(requestedParameters({})).toEqual([]);
  });

  it('set any other parameter by its name', () => {
    expect(requestedParameters({ parameter: ['TargetSeconds=60', 'Empty=', 'Odd=a=b'] })).toEqual([
      { flag: '--parameter', parameter: 'TargetSeconds', value: '60' },
      { flag: '--parameter', parameter: 'Empty', value: '' },
      { flag: '--parameter', parameter: 'Odd', value: 'a=b' },
    ]);
  });

  it.each([
    [{ parameter: ['TargetSeconds'] }, /must be NAME=VALUE, not TargetSeconds/],
    [{ max: 4, parameter: ['MaxWorkers=5'] }, /Both --max and --parameter MaxWorkers=5 set MaxWorkers/],
  ])('are refused when malformed or repeated: %j', (flags, words) => {
    expect(() => requestedParameters(flags)).toThrow(words);
  });
});
