/** What the template costs in a month without work. A resource with a standing price cannot enter it unnamed. */
import { describe, expect, it } from 'vitest';
import { idleMonth } from '../../../tools/idle-month.ts';
import { readTemplate, resourcesWith } from './template.ts';

const template = readTemplate();
const sum = (given: Record<string, string>): number =>
  idleMonth(resourcesWith(template, given)).reduce((total, { usd }) => total + usd, 0);

describe('an idle month', () => {
  it('costs less than a dollar for a cluster without a page and endpoints', () => {
    const items = idleMonth(resourcesWith(template, {}));
    expect(items.map(({ item }) => item.replace(/ .*/, '')).toSorted()).toEqual([
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
    // t3.small, 16 GB of disk, balancer, secret.
    expect(sum(withPage) - sum({})).toBeCloseTo(730 * 0.0208 + 16 * 0.08 + 730 * 0.0225 + 0.4, 2);
    const withEndpoints = { WithEndpoints: 'true', RouteTableIds: 'rtb-1' };
    // SQS, EC2 and logs in two zones; the gateway to S3 is free.
    expect(sum(withEndpoints) - sum({})).toBeCloseTo(3 * 2 * 7.3, 2);
  });

  it('cannot be told for a type that nobody has looked up', () => {
    const nat = { Type: 'AWS::EC2::NatGateway', Properties: {} };
    expect(() => idleMonth({ ...resourcesWith(template, {}), WayOut: nat })).toThrow(
      'What does WayOut (AWS::EC2::NatGateway) cost at rest?',
    );
  });
});
