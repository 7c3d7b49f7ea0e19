/** The live test (test/live) runs only in an account that its environment permits. */
import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { CloudFormationClient, ListStacksCommand } from '@aws-sdk/client-cloudformation';
import { afterAll, describe, expect, it } from 'vitest';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { repository } from './package.ts';

const moto = await startMoto();

describe.skipIf(moto === undefined)('the live test', () => {
  afterAll(() => moto?.close());
  const ours = standInEnvironment(moto?.url ?? '');
  const enabled = { IMGCLS_LIVE: '1', IMGCLS_LIVE_ACCOUNT: '123456789012' };

  it.each([
    ['unless it is enabled', { ...enabled, IMGCLS_LIVE: undefined }, /must be enabled/],
    [
      'without an account',
      { ...enabled, IMGCLS_LIVE_ACCOUNT: undefined },
      /IMGCLS_LIVE_ACCOUNT must be .*, not ""/,
    ],
    [
      'in another account',
      { ...enabled, IMGCLS_LIVE_ACCOUNT: '210987654321' },
      /account 123456789012.* permits only 210987654321/,
    ],
    [
      'above the permitted cost',
      { ...enabled, IMGCLS_LIVE_MAX_USD: '0.1' },
      /at most \d\.\d\d US dollars.* permits 0\.1/,
    ],
    [
      'without a valid limit',
      { ...enabled, IMGCLS_LIVE_MINUTES: 'ever' },
      /IMGCLS_LIVE_MINUTES must be .*, not "ever"/,
    ],
  ])('does not start %s', async (_when, changes, why) => {
    const env = { ...process.env, ...ours, ...changes };
    const main = path.join(repository, 'test/live/main.ts');
    const { code, stderr } = await promisify(execFile)(process.execPath, [main], { env }).catch(
      (error) => error,
    );
    expect(stderr).toMatch(why);
    expect(code).toBe(2);
  });

  it('has created nothing before that', async () => {
    const client = new CloudFormationClient({
      endpoint: moto?.url ?? '',
      region: 'us-east-1',
      credentials: { accessKeyId: 'testing', secretAccessKey: 'testing' },
    });
    const { StackSummaries } = await client.send(new ListStacksCommand());
    client.destroy();
    expect(StackSummaries).toEqual([]);
  });
});
