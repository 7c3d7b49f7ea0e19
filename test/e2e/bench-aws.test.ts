/** `imgcls bench` on a cluster over the moto server: what it asks before it measures, and what it measures then. */
import path from 'node:path';
import { CreateBucketCommand } from '@aws-sdk/client-s3';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import { benchReport } from '../../src/bench/bench-report.ts';
import { deadLetterQueueName, interactiveQueueName, requestQueueName } from '../../src/core/job/keys.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { type InstalledPackage, installPackage, repository, start } from './package.ts';

const moto = await startMoto();
const samples = path.join(repository, 'samples');
const few = ['--count', '3', '--repeat', '1', '--boots', '1', '--images', samples];

describe.skipIf(moto === undefined)('imgcls bench --cloud aws', () => {
  const aws = {
    ...standInEnvironment(moto?.url ?? ''),
    IMGCLS_INPUT_BUCKET: 'test-input',
    IMGCLS_OUTPUT_BUCKET: 'test-output',
    IMGCLS_PRICE_PER_HOUR: '0.1',
    IMGCLS_MODEL: 'efficientnet-lite0',
  };
  let installed: InstalledPackage;
  let dataDir: string;

  beforeAll(async () => {
    for (const [name, value] of Object.entries(aws)) vi.stubEnv(name, value);
    const s3 = createS3Client();
    for (const Bucket of ['test-input', 'test-output']) await s3.send(new CreateBucketCommand({ Bucket }));
    s3.destroy();
    const cloud = createAwsCloud({
      cluster: 'default',
      inputBucket: 'test-input',
      outputBucket: 'test-output',
    });
    for (const nameOf of [deadLetterQueueName, interactiveQueueName])
      await cloud.queues.create(nameOf('default'));
    await cloud.queues.create(requestQueueName('default'), {
      deadLetter: { queue: deadLetterQueueName('default'), maxReceiveCount: 20 },
    });
    await cloud.close();
    vi.unstubAllEnvs();
    installed = await installPackage();
    dataDir = await installed.dataDir();
  });
  afterAll(async () => {
    await installed?.remove();
    await moto?.close();
  });

  const bench = (...args: string[]) =>
    start(installed.bin, dataDir, ['bench', '--cloud', 'aws', ...args], aws).finished;

  it('says what it would cost, and measures nothing where nobody can agree to that', async () => {
    const { code, stdout, stderr } = await bench(...few, '--scenario', 'medium-3', 'boot');
    expect(stderr).toMatch(/medium-3-cold +1 +3 +1 .*\$0\.0/);
    expect(stderr).toMatch(/At most .* for machines and \$0\.0\d* for requests/);
    expect(stderr).toMatch(/Cannot ask for confirmation without a terminal\..*\n.*--yes/);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  });

  it('with --yes measures on the workers that run, twice with fresh images, and takes them for no cold start', async () => {
    const worker = start(installed.bin, dataDir, ['worker'], { ...aws, IMGCLS_CLOUD: 'aws' });
    try {
      for (const scenarios of [['medium-3-warm', 'upload-only'], ['medium-3-warm']]) {
        const args = ['--scenario', ...scenarios, '--format', 'json', '--yes'];
        const { code, stdout, stderr } = await bench(...few, ...args);
        expect(code, stderr).toBe(0);
        const report = benchReport.parse(JSON.parse(stdout));
        expect(report.cloud).toBe('aws');
        expect(report.correctness).toMatchObject({ isCorrect: true, imagesChecked: 3 * scenarios.length });
      }
      const { code, stderr } = await bench(...few, '--scenario', 'medium-3', '--yes');
      expect(stderr).toMatch(/Scenario medium-3-cold must start without workers, but cluster default has 1/);
      expect(code).toBe(2);
    } finally {
      worker.kill('SIGTERM');
      await worker.finished;
    }
  });
});
