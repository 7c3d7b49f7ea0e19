import { describe, expect, it } from 'vitest';
import {
  environmentSource,
  isSecret,
  resolveSettings,
  settingNames,
} from '../../../src/core/settings/settings.ts';

function messageOf(attempt: () => unknown): string | undefined {
  try {
    attempt();
  } catch (error) {
    return (error as Error).message;
  }
  return undefined;
}

describe('settings', () => {
  it('come from the first source that has a value, with its name', () => {
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

  it('take no buckets from a file that deploy wrote for another cluster', () => {
    const values = { cloud: 'aws', cluster: 'two', inputBucket: 'two-in', outputBucket: 'two-out', topK: 3 };
    const file = { from: 'imgcls.config.json', values, exclusive: true };
    expect(() => resolveSettings([environmentSource({ IMGCLS_CLUSTER: 'one' }), file])).toThrow(
      /needs inputBucket[\s\S]*imgcls\.config\.json has the settings of cluster two; "IMGCLS_CLUSTER=one imgcls deploy"/,
    );
    const own = { from: 'flag', values: { cluster: 'one', inputBucket: 'one-in', outputBucket: 'one-out' } };
    expect(resolveSettings([own, file]).settings).toMatchObject({ inputBucket: 'one-in', topK: 3 });
    expect(resolveSettings([environmentSource({ IMGCLS_CLUSTER: 'two' }), file]).settings).toMatchObject({
      inputBucket: 'two-in',
    });
  });

  it('report all problems together, each with its source', () => {
    const attempt = () =>
      resolveSettings([
        { from: 'flag', values: { topK: 0 } },
        environmentSource({ IMGCLS_CLUSTER: 'Not OK', IMGCLS_CLOUD: 'aws' }),
        { from: 'imgcls.config.json', values: { modle: 'resnet50' }, exclusive: true },
      ]);
    for (const part of [
      /--top-k must be 1 to 100, not 0/,
      /IMGCLS_CLUSTER must be at most 32 lower-case letters, digits or -, without "-resp", not "Not OK"/,
      /imgcls\.config\.json: unknown setting modle/,
      /needs inputBucket.*IMGCLS_INPUT_BUCKET/,
    ]) {
      expect(attempt).toThrow(part);
    }
  });

  it('name the setting that a mistyped one is likely meant to be, in the environment as in a file', () => {
    const attempt = (env: Record<string, string>) => () => resolveSettings([environmentSource(env)]);
    expect(attempt({ IMGCLS_TOPK: '3' })).toThrow(
      /IMGCLS_TOPK is not a setting; did you mean IMGCLS_TOP_K\?$/,
    );
    expect(attempt({ IMGCLS_DATADIR: 'x' })).toThrow(/did you mean IMGCLS_DATA_DIR\?/);
    expect(attempt({ IMGCLS_FOO: 'x' })).toThrow(/IMGCLS_FOO is not a setting; "imgcls help environment"/);
    expect(() => resolveSettings([{ from: 'f', values: { modle: 'x' }, exclusive: true }])).toThrow(
      /unknown setting modle; did you mean model\?/,
    );
  });

  it('of a deployed machine may be newer than its imgcls', () => {
    const env = { IMGCLS_ROLE: 'worker', IMGCLS_NEWER: '1', IMGCLS_TOP_K: '3' };
    expect(resolveSettings([environmentSource(env)]).settings.topK).toBe(3);
  });

  it('do not report a wrong value as missing, and say how to create a missing one', () => {
    const attempt = () =>
      resolveSettings([environmentSource({ IMGCLS_CLOUD: 'aws', IMGCLS_INPUT_BUCKET: 'a' })]);
    expect(attempt).toThrow(/IMGCLS_INPUT_BUCKET must be 3 to 4096 characters, not a$/m);
    expect(attempt).not.toThrow(/needs inputBucket/);
    expect(attempt).toThrow(/needs outputBucket .*"imgcls deploy" creates it/);
  });

  it('take one token for the service: the token itself, or the ARN of a secret', () => {
    const tokenSecret = 'arn:aws:secretsmanager:eu-central-1:123456789012:secret:imgcls-default-token-AbCdEf';
    const attempt = (values: object) => () => resolveSettings([{ from: 'flag', values: { ...values } }]);
    expect(attempt({ tokenSecret })().settings.tokenSecret).toBe(tokenSecret);
    expect(attempt({ tokenSecret, token: 'sixteen characters' })).toThrow(
      'token and tokenSecret are both set',
    );
    expect(attempt({ tokenSecret: 'imgcls-default-token' })).toThrow('must be the ARN of a secret');
  });

  it('require cloud aws and a name for an Auto Scaling group', () => {
    const attempt = (values: Record<string, string>) => resolveSettings([{ from: 'flag', values }]);
    const aws = { cloud: 'aws', inputBucket: 'in-', outputBucket: 'out', fleet: 'asg' };
    expect(attempt({ ...aws, autoScalingGroup: 'workers' }).settings.fleet).toBe('asg');
    expect(() => attempt(aws)).toThrow(/fleet asg needs autoScalingGroup \(IMGCLS_AUTO_SCALING_GROUP\)/);
    expect(() => attempt({ fleet: 'asg', autoScalingGroup: 'workers' })).toThrow(/needs cloud aws/);
  });

  it.each([
    [{ topK: 1_000_000 }, '--top-k must be 1 to 100, not 1000000'],
    [{ topK: 2.5 }, '--top-k must be a whole number from 1 to 100, not 2.5'],
    [{ port: 'abc' }, '--port must be a whole number from 0 to 65535, not abc'],
    [{ cloud: 'azure' }, '--cloud must be local or aws, not azure'],
    [{ idleSeconds: -1 }, '--idle-seconds must be 0 to 86400 seconds, not -1'],
    [{ maxJobCost: 'a lot' }, '--max-job-cost must be a number of US dollars, 0 or more, not "a lot"'],
    [{ subnets: '' }, '--subnets must be 1 to 50 values, comma-separated, not ""'],
    [{ token: 'secret' }, '--token must be 16 to 256 characters'],
  ])('say what a value must be: %j', (values, words) => {
    expect(() => resolveSettings([{ from: 'flag', values }])).toThrow(`Invalid settings:\n  ${words}`);
  });

  it("say so in our words, never in the schema library's, and never show a secret", () => {
    const wrong = [
      '',
      'abc',
      ' ',
      '-1',
      '1e99',
      'NaN',
      'x'.repeat(5000),
      3.5,
      -1,
      true,
      null,
      {},
      [],
      [7],
      [[]],
    ];
    for (const name of settingNames) {
      for (const value of wrong) {
        const message = messageOf(() => resolveSettings([{ from: 'flag', values: { [name]: value } }]));
        if (message === undefined) continue;
        expect(message).toMatch(/^Invalid settings:\n( {2}\S+ (must|needs) .*\n?)+$/);
        expect(message).not.toMatch(/expected|received|invalid input|invalid option|too (big|small)/i);
        if (isSecret(name)) expect(message).not.toContain('not ');
        expect(message.length).toBeLessThan(300);
      }
    }
  });

  it('cannot be changed afterwards', () => {
    expect(Object.isFrozen(resolveSettings([]).settings)).toBe(true);
  });
});
