/** What the template costs in a month without work. A resource with a standing price cannot enter it unnamed. */
import { describe, expect, it } from 'vitest';
import { idleMonth } from '../../../src/deploy/idle-month.ts';
import { readTemplate, resourcesWith } from './template.ts';

const template = readTemplate();
const idle = (given: Record<string, string>) => idleMonth(resourcesWith(template, given));
const sum = (given: Record<string, string>): number => {
  const { usd, unpriced } = idle(given);
  expect(unpriced, 'types that src/deploy/idle-month.ts does not know').toEqual([]);
  return usd;
};

describe('an idle month', () => {
  it('costs less than a dollar for a cluster without a page and endpoints', () => {
    expect(
      idle({})
        .items.map(({ item }) => item.replace(/ .*/, ''))
        .toSorted(),
    ).toEqual([
      'ControllerFunction',
      'ControllerSchedule',
      'DeadLetterAlarm',
      'OldestMessageAlarm',
      'SpendAlarm',
    ]);
    expect(sum({})).toBeLessThan(1);
    expect(sum({ Fleet: 'asg', ReadBuckets: 'one', AlarmEmail: 'somebody@example.org' })).toBe(sum({}));
  });

  it('names the page with its machine, balancer and secret, and each endpoint in each zone', () => {
    const withPage = { WithWeb: 'true', WebIngressCidr: '198.51.100.0/24' };
    // t3.small with 16 GB of disk and a public address, balancer, secret.
    const page = 730 * 0.0208 + 16 * 0.08 + 730 * 0.005 + 730 * 0.0225 + 0.4;
    expect(sum(withPage) - sum({})).toBeCloseTo(page, 2);
    expect(sum({ ...withPage, WebScheme: 'internet-facing' }) - sum(withPage)).toBeCloseTo(2 * 3.65, 2);
    expect(sum({ ...withPage, Network: 'private' }) - sum({})).toBeCloseTo(page - 3.65, 2);
    const withEndpoints = { Network: 'endpoints', RouteTableIds: 'rtb-1' };
    // SQS, EC2 and logs in two zones; the gateway to S3 is free.
    expect(sum(withEndpoints) - sum({})).toBeCloseTo(3 * 2 * 7.3, 2);
    const reused = { ...withEndpoints, EndpointServices: 'ec2,autoscaling' };
    expect(sum(reused) - sum({})).toBeCloseTo(2 * 7.3, 2);
    expect(sum({ Network: 'ipv6' })).toBe(sum({}));
  });

  it('is not told for a type that nobody has looked up', () => {
    const nat = { Type: 'AWS::EC2::NatGateway', Properties: {} };
    expect(idleMonth({ ...resourcesWith(template, {}), WayOut: nat }).unpriced).toEqual([
      'WayOut (AWS::EC2::NatGateway)',
    ]);
    const withPage = { WithWeb: 'true', WebInstanceType: 'zz9.small' };
    expect(idle(withPage).unpriced).toEqual(['WebGroup (AWS::AutoScaling::AutoScalingGroup)']);
  });
});
