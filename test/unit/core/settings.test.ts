import { describe, expect, it } from 'vitest';
import { environmentSource, resolveSettings } from '../../../src/core/settings/settings.ts';

describe('settings', () => {
  it('take the first source that has a value, and say which it was', () => {
    const { settings, origins } = resolveSettings([
      { from: 'flag', values: { topK: 3 } },
      environmentSource({ IMGCLS_TOP_K: '7', IMGCLS_MODEL: 'resnet50' }),
      { from: 'imgcls.config.json', values: { model: 'other', concurrency: 2 }, exclusive: true },
    ]);
    expect(settings).toMatchObject({ topK: 3, model: 'resnet50', concurrency: 2, cluster: 'default' });
    expect(origins).toMatchObject({
      topK: 'flag',
      model: 'environment',
      concurrency: 'imgcls.config.json',
      cluster: 'default',
    });
  });

  it('report every problem together, each with its place', () => {
    const attempt = () =>
      resolveSettings([
        { from: 'flag', values: { topK: 0 } },
        environmentSource({ IMGCLS_CLUSTER: 'Not OK', IMGCLS_CLOUD: 'aws' }),
        { from: 'imgcls.config.json', values: { modle: 'resnet50' }, exclusive: true },
      ]);
    for (const part of [
      /--top-k is 0/,
      /IMGCLS_CLUSTER is "Not OK"/,
      /no setting modle/,
      /needs inputBucket.*IMGCLS_INPUT_BUCKET/,
    ]) {
      expect(attempt).toThrow(part);
    }
  });

  it('do not miss what is there and wrong, and say who makes what is missing', () => {
    const attempt = () =>
      resolveSettings([environmentSource({ IMGCLS_CLOUD: 'aws', IMGCLS_INPUT_BUCKET: 'a' })]);
    expect(attempt).toThrow(/IMGCLS_INPUT_BUCKET is "a"/);
    expect(attempt).not.toThrow(/needs inputBucket/);
    expect(attempt).toThrow(/needs outputBucket .*"imgcls deploy" makes it/);
  });

  it('give the service one token: as it is, or as the ARN of a secret', () => {
    const tokenSecret = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:imgcls-default-token-AbCdEf';
    const attempt = (values: object) => () => resolveSettings([{ from: 'flag', values: { ...values } }]);
    expect(attempt({ tokenSecret })().settings.tokenSecret).toBe(tokenSecret);
    expect(attempt({ tokenSecret, token: 'sixteen characters' })).toThrow(
      'token and tokenSecret are both given',
    );
    expect(attempt({ tokenSecret: 'imgcls-default-token' })).toThrow('must be the ARN of a secret');
  });

  it('know that an Auto Scaling group is on AWS and has a name', () => {
    const attempt = (values: Record<string, string>) => resolveSettings([{ from: 'flag', values }]);
    const aws = { cloud: 'aws', inputBucket: 'in-', outputBucket: 'out', fleet: 'asg' };
    expect(attempt({ ...aws, autoScalingGroup: 'workers' }).settings.fleet).toBe('asg');
    expect(() => attempt(aws)).toThrow(/fleet asg needs autoScalingGroup \(IMGCLS_AUTO_SCALING_GROUP\)/);
    expect(() => attempt({ fleet: 'asg', autoScalingGroup: 'workers' })).toThrow(/needs cloud aws/);
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(resolveSettings([]).settings)).toBe(true);
  });
});
