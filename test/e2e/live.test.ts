/** The live test (test/live) is for a real account, and begins in none that it was not given. */
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
  const asked = { IMGCLS_LIVE: '1', IMGCLS_LIVE_ACCOUNT: '123456789012' };

  it.each([
    ['unless it is asked', { ...asked, IMGCLS_LIVE: undefined }, /only when asked/],
    ['without an account', { ...asked, IMGCLS_LIVE_ACCOUNT: undefined }, /IMGCLS_LIVE_ACCOUNT is ""/],
    [
      'in another account',
      { ...asked, IMGCLS_LIVE_ACCOUNT: '210987654321' },
      /account 123456789012.* 210987654321 alone/,
    ],
    ['for more money', { ...asked, IMGCLS_LIVE_MAX_USD: '0.1' }, /at most \d\.\d\d US dollars.* allows 0\.1/],
    ['without a limit', { ...asked, IMGCLS_LIVE_MINUTES: 'ever' }, /IMGCLS_LIVE_MINUTES is "ever"/],
  ])('does not begin %s', async (_when, changes, why) => {
    const env = { ...process.env, ...ours, ...changes };
    const main = path.join(repository, 'test/live/main.ts');
    const { code, stderr } = await promisify(execFile)(process.execPath, [main], { env }).catch(
      (error) => error,
    );
    expect(stderr).toMatch(why);
    expect(code).toBe(2);
  });

  it('has made nothing by then', async () => {
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
