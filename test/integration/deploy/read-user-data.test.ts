/** The script that turns user data into settings, against a fake metadata service. */
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type StandInMetadata, startStandInMetadata } from '../../contract/stand-in-metadata.ts';
import { repository } from '../../e2e/package.ts';

const script = path.join(repository, 'deploy/systemd/read-user-data.sh');
const GOOD = '#imgcls-environment\nIMGCLS_ROLE=worker\n';

let folder: string;
let service: StandInMetadata;
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-user-data-'));
  service = await startStandInMetadata({});
});
afterEach(async () => {
  service.close();
  await rm(folder, { recursive: true });
});

/** Returns the file that the script writes. */
async function read(userData: string | undefined): Promise<string> {
  if (userData !== undefined) service.answers['/latest/user-data'] = userData;
  const file = path.join(folder, 'environment');
  await promisify(execFile)('bash', [script, file], {
    env: { PATH: process.env.PATH, AWS_EC2_METADATA_SERVICE_ENDPOINT: service.url },
  });
  return await readFile(file, 'utf8');
}

describe('user data of an instance', () => {
  it('becomes settings, in a file that only its owner can read', async () => {
    const settings = [
      'IMGCLS_CLOUD=aws',
      'IMGCLS_ROLE=web',
      'AWS_REGION=eu-central-1',
      'AWS_ENDPOINT_URL_SQS=https://sqs.example:8443/?a=b&c=d',
      'IMGCLS_TOKEN_SECRET=arn:aws:secretsmanager:eu-central-1:123456789012:secret:imgcls-Ab1+/=@',
      'IMGCLS_SUBNETS=subnet-1, subnet-2',
    ];
    expect(await read(`#imgcls-environment\n\n# a comment\n${settings.join('\r\n')}`)).toBe(
      `${settings.join('\n')}\n`,
    );
    expect((await stat(path.join(folder, 'environment'))).mode & 0o777).toBe(0o600);
    expect(await readdir(folder)).toEqual(['environment']);
  });

  it('is requested again until the service answers', async () => {
    service.outages = 3;
    expect(await read(GOOD)).toBe('IMGCLS_ROLE=worker\n');
  });

  it.each([
    [
      'a script of cloud-init',
      '#!/bin/bash\necho IMGCLS_ROLE=worker',
      /the first line of the user data is not/,
    ],
    ['another first line', `\n${GOOD}`, /the first line of the user data is not/],
    ['compressed', '\u001f\u008b\b\0\0\0\0', /the first line of the user data is not/],
    ['another line', `${GOOD}hello`, /not NAME=value: hello/],
    ['a program to load', `${GOOD}LD_PRELOAD=/tmp/x.so`, /LD_PRELOAD cannot be set/],
    ["Node's options", `${GOOD}NODE_OPTIONS=--require=/tmp/x`, /NODE_OPTIONS cannot be set/],
    ['a program for runners', `${GOOD}IMGCLS_RUNNER_ENTRY=/tmp/x`, /IMGCLS_RUNNER_ENTRY cannot be set/],
    ['a command for runners', `${GOOD}IMGCLS_RUNNERS_UNDER=/tmp/x`, /IMGCLS_RUNNERS_UNDER cannot be set/],
    ['a name in lower case', `${GOOD}IMGCLS_x=1`, /IMGCLS_x cannot be set/],
    ['a name with a space', `${GOOD}IMGCLS_A B=1`, /IMGCLS_A B cannot be set/],
    ['a secret', `${GOOD}IMGCLS_TOKEN=0123456789abcdef`, /IMGCLS_TOKEN_SECRET/],
    ['a quote', `${GOOD}IMGCLS_MODEL="a`, /value of IMGCLS_MODEL contains a character/],
    ['a backslash', `${GOOD}IMGCLS_MODEL=a\\`, /value of IMGCLS_MODEL contains a character/],
    ['a tab', `${GOOD}IMGCLS_MODEL=a\tb`, /value of IMGCLS_MODEL contains a character/],
    ['no role', '#imgcls-environment\nIMGCLS_CLOUD=aws', /IMGCLS_ROLE must be .*, not ""/],
    [
      'an unknown role',
      '#imgcls-environment\nIMGCLS_ROLE=../../x',
      /IMGCLS_ROLE must be .*, not "\.\.\/\.\.\/x"/,
    ],
    ['missing', undefined, /has no user data/],
  ])('is rejected when it is or has %s', async (_, userData, words) => {
    await expect(read(userData)).rejects.toMatchObject({ code: 1, stderr: expect.stringMatching(words) });
    expect(await readdir(folder)).toEqual([]);
  });
});
