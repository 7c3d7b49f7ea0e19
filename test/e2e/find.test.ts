import { cp, mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

let installed: InstalledPackage;
let dataDir: string;
let photos: string;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  photos = path.join(dataDir, 'photos');
  await mkdir(photos);
  for (const name of ['cat.jpg', 'coffee.jpg', 'tripod.png'])
    await cp(path.join(repository, 'samples', name), path.join(photos, name));
  await cp(path.join(photos, 'cat.jpg'), path.join(photos, 'same cat.jpg'));
  const { code, stderr } = await imgcls('label', photos);
  expect(code, stderr).toBe(0);
});
afterAll(() => installed.remove());

const imgcls = (...args: string[]) => start(installed.bin, dataDir, args).finished;
const at = (name: string) => path.join(photos, name);

describe('imgcls find', () => {
  it('prints paths with label and score, as a table for programs or as JSON', async () => {
    const { code, stdout } = await imgcls('find', 'Tiger', 'CATS');
    expect(code).toBe(0);
    const [head, ...rows] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split('\t'));
    expect(head).toEqual(['photograph', 'label', 'score', 'labelled']);
    expect(rows.map(([file]) => file).sort()).toEqual([at('cat.jpg'), at('same cat.jpg')]);
    expect(rows[0]?.slice(1)).toEqual([
      'tiger cat',
      expect.stringMatching(/^\d+\.\d %$/),
      expect.any(String),
    ]);
    const json = JSON.parse((await imgcls('find', 'espresso', '--format', 'json')).stdout);
    expect(json).toMatchObject([{ path: at('coffee.jpg'), label: 'espresso', score: expect.any(Number) }]);
  });

  it('prints paths for xargs with -0', async () => {
    expect((await imgcls('find', 'espresso', '-0')).stdout).toBe(`${at('coffee.jpg')}\0`);
  });

  it('takes only labels, days and as many as it is asked for', async () => {
    const paths = async (...flags: string[]) => (await imgcls('find', 'cat', '-0', ...flags)).stdout;
    expect(await paths('--min-score', '0.99')).toBe('');
    expect(await paths('--before', '2020-01-01')).toBe('');
    expect((await paths('--since', '2020-01-01')).split('\0')).toHaveLength(3);
    const { stdout, stderr } = await imgcls('find', 'cat', '-0', '--limit', '1');
    expect(stdout.split('\0')).toHaveLength(2);
    expect(stderr).toBe('More photographs match. Use --limit to print more than 1.\n');
  });

  it('asks whether a word was meant that labels have', async () => {
    const { code, stdout, stderr } = await imgcls('find', 'expresso');
    expect([code, stdout]).toEqual([0, '']);
    expect(stderr).toBe('No photographs found for "expresso". Did you mean espresso?\n');
  });

  it('prints the files that have the same content, and leaves out those that are gone', async () => {
    const { stdout } = await imgcls('find', '--duplicates', '--format', 'json');
    expect(JSON.parse(stdout)).toEqual([
      { bytes: expect.any(Number), paths: [at('cat.jpg'), at('same cat.jpg')] },
    ]);
    await rm(at('same cat.jpg'));
    const after = await imgcls('find', '--duplicates');
    expect([after.stdout, after.stderr]).toEqual(['', 'No duplicates found.\n']);
    const { stdout: left, stderr } = await imgcls('find', 'cat', '-0', '--rebuild');
    expect(left).toBe(`${at('cat.jpg')}\0`);
    expect(stderr).toBe('Left out 1 photograph whose files are gone.\n');
  });

  it('says what to use where the results are on S3', async () => {
    const buckets = { IMGCLS_CLOUD: 'aws', IMGCLS_INPUT_BUCKET: 'input', IMGCLS_OUTPUT_BUCKET: 'output' };
    const account = { AWS_REGION: 'us-east-1', AWS_ACCESS_KEY_ID: 'x', AWS_SECRET_ACCESS_KEY: 'y' };
    const { code, stderr } = await start(installed.bin, dataDir, ['find', 'cat'], { ...buckets, ...account })
      .finished;
    expect(code).toBe(2);
    expect(stderr).toContain('error: Cannot search the results in s3://output');
    expect(stderr).toContain('docs/query.md');
  });
});
