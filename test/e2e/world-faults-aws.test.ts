/** Faults of AWS and of the way to it in the middle of a job: passing ones are waited out, others leave a job to go on with. */
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteObjectsCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { createS3Client } from '../../src/aws/clients.ts';
import { createAwsCloud } from '../../src/aws/cloud.ts';
import type { Cloud } from '../../src/core/cloud/ports.ts';
import { readJob } from '../../src/core/job/job-record.ts';
import { deadLetterQueueName, JOBS_PREFIX, requestQueueName } from '../../src/core/job/keys.ts';
import { MAX_RECEIVE_COUNT } from '../../src/core/job/messages.ts';
import {
  type Fault,
  type FaultProxy,
  type ProxiedRequest,
  serviceError,
  startFaultProxy,
} from '../contract/fault-proxy.ts';
import { standInEnvironment, startMoto } from '../contract/moto.ts';
import { until } from '../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf, type Running, start } from './package.ts';
import {
  expectEachOnce,
  expectMessage,
  jobToContinue,
  type Labels,
  labelByContent,
  linesOf,
  shiftedClock,
  writeImages,
} from './plain-images.ts';

const moto = await startMoto();
const IMAGES = 48;
/** So many are stored when trouble begins: two batches are announced, and more images are to come. */
const MIDWAY = 36;

interface Trouble {
  /** How many requests have met it. */
  met(): number;
  end(): void;
}

const always = () => true;
const refusing =
  (code: string, status = 403): Fault['answer'] =>
  async (request) =>
    serviceError(request, status, code);

/** What passes by itself. */
const ONE_AFTER_THE_OTHER: readonly Fault['answer'][] = [
  async (request) => serviceError(request, 503, request.action === '' ? 'SlowDown' : 'RequestThrottled'),
  async (request) => serviceError(request, 500, request.action === '' ? 'InternalError' : 'InternalFailure'),
  async () => 'reset',
  async (_request, forward) => {
    const reply = await forward();
    return { ...reply, cutAfter: Math.floor(reply.body.length / 2) };
  },
  async (_request, forward) => {
    await forward();
    return 'reset';
  },
];

function changing(answers: readonly Fault['answer'][]): Fault['answer'] {
  let turn = 0;
  return (request, forward) => {
    const answer = answers[turn++ % answers.length] ?? refusing('InternalError', 500);
    return answer(request, forward);
  };
}

const namesOf = (stdout: string) => linesOf(stdout).map((line) => line.split(', ')[0]);

/** "Could not do this to that: the reason. Retrying." */
function expectEachFaultOnce(stderr: string): void {
  const told = linesOf(stderr).filter((line) => line.endsWith('Retrying.'));
  const reasons = told.map((line) => line.replace(/^.*: /, ''));
  expect(reasons.length, stderr).toBeGreaterThan(0);
  expect(reasons, stderr).toEqual([...new Set(reasons)]);
}

/** When a request says that it was signed: 20261124T101112Z. */
function signedAtMs({ headers }: ProxiedRequest): number {
  const digits = String(headers['x-amz-date']);
  return Date.parse(digits.replace(/^(\d{4})(\d\d)(\d\dT\d\d)(\d\d)/, '$1-$2-$3:$4:'));
}

const upload = ['upload', 'photos', '--model', 'efficientnet-lite0'];

describe.skipIf(moto === undefined)('over S3 and SQS', () => {
  let installed: InstalledPackage;
  let proxy: FaultProxy;
  let cluster: string;
  let dataDir: string;
  let labels: Labels;
  let cloud: Cloud;
  let workers: Running[];
  let clusters = 0;
  let s3: S3Client;

  beforeAll(async () => {
    installed = await installPackage();
    for (const [name, value] of Object.entries(standInEnvironment(moto?.url ?? ''))) vi.stubEnv(name, value);
    s3 = createS3Client();
  });
  afterAll(async () => {
    s3.destroy();
    vi.unstubAllEnvs();
    await installed.remove();
    await moto?.close();
  });

  beforeEach(async () => {
    cluster = `faults-${clusters++}`;
    proxy = await startFaultProxy(moto?.url ?? '');
    dataDir = await installed.dataDir();
    labels = await writeImages(path.join(dataDir, 'photos'), IMAGES);
    workers = [];
    await makeBucket('input');
    await makeBucket('output');
    cloud = createAwsCloud({ cluster, inputBucket: `${cluster}-input`, outputBucket: `${cluster}-output` });
    await cloud.queues.create(deadLetterQueueName(cluster));
    await cloud.queues.create(requestQueueName(cluster), {
      deadLetter: { queue: deadLetterQueueName(cluster), maxReceiveCount: MAX_RECEIVE_COUNT },
    });
  });
  afterEach(async () => {
    for (const worker of workers) worker.kill('SIGTERM');
    await Promise.all(workers.map(({ finished }) => finished));
    await proxy.close();
    await cloud.close();
    expect(await processesOf(dataDir)).toEqual([]);
  });

  const settings = (url: string) => ({
    ...standInEnvironment(url),
    ...labelByContent,
    IMGCLS_CLOUD: 'aws',
    IMGCLS_CLUSTER: cluster,
    IMGCLS_INPUT_BUCKET: `${cluster}-input`,
    IMGCLS_OUTPUT_BUCKET: `${cluster}-output`,
    IMGCLS_CONCURRENCY: '2',
    // Every image is a request, so that trouble can begin between two of them.
    IMGCLS_PACK_BELOW_BYTES: '0',
  });
  /** A command whose requests go through the faults. */
  const imgcls = (...args: string[]) => start(installed.bin, dataDir, args, settings(proxy.url));
  /** A worker that knows no faults. */
  const startWorker = () => {
    const worker = start(installed.bin, dataDir, ['worker'], settings(moto?.url ?? ''));
    workers.push(worker);
    return worker;
  };

  async function makeBucket(which: 'input' | 'output'): Promise<void> {
    await s3.send(new CreateBucketCommand({ Bucket: `${cluster}-${which}` }));
  }

  /** With all that is in it, and whatever is still being put there. */
  async function deleteBucket(which: 'input' | 'output'): Promise<void> {
    const Bucket = `${cluster}-${which}`;
    await until('the bucket is empty and gone', async () => {
      const { Contents = [] } = await s3.send(new ListObjectsV2Command({ Bucket }));
      const Objects = Contents.map(({ Key }) => ({ Key }));
      if (Objects.length > 0) await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }));
      return await s3.send(new DeleteBucketCommand({ Bucket })).then(
        () => true,
        () => undefined,
      );
    });
  }

  const isImagePut = ({ method, path: where }: ProxiedRequest) =>
    method === 'PUT' && where.startsWith(`/${cluster}-input/images/`);

  /** The moment at which so many images were sent. */
  function sent(images: number): Fault['of'] {
    let count = 0;
    return (request) => {
      if (isImagePut(request)) count++;
      return count >= images;
    };
  }

  /** From a moment on every request is answered so, until the trouble is over. */
  function trouble(hasBegun: Fault['of'], answer: Fault['answer']): Trouble {
    let met = 0;
    let isOver = false;
    proxy.inject({
      of: (request) => hasBegun(request) && !isOver,
      times: Number.POSITIVE_INFINITY,
      answer(request, forward) {
        met++;
        return answer(request, forward);
      },
    });
    return {
      met: () => met,
      end() {
        isOver = true;
      },
    };
  }

  const stateOfJob = async () => {
    const [job] = await Array.fromAsync(cloud.output.listFolders(JOBS_PREFIX));
    return job === undefined ? 'none' : (await readJob(cloud.output, job)).state;
  };

  it.each([
    [
      'the credentials expire',
      'ExpiredToken',
      /the AWS credentials have expired\.\nhint: Get new credentials\. .*aws sso login/,
    ],
    [
      'the clock is too wrong',
      'RequestTimeTooSkewed',
      /the clock of this machine is wrong\.\nhint: Set the clock/,
    ],
  ])('an upload stops when %s midway, says so, and is resumed', async (_, code, message) => {
    startWorker();
    const bad = trouble(sent(MIDWAY), refusing(code));
    const stopped = await imgcls(...upload).finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, message);
    expect(stopped.stderr, 'nobody waits for a person').not.toMatch(/Retrying/);
    const job = jobToContinue(stopped.stderr, 'resume');

    const stillBad = await imgcls('resume', job).finished;
    expect(stillBad.code).toBe(1);
    expectMessage(stillBad.stderr, message);

    bad.end();
    const { code: resumed, stdout, stderr } = await imgcls('resume', job).finished;
    expect(resumed, stderr).toBe(0);
    expectEachOnce(stdout, labels);
    const puts = proxy.requests.filter(isImagePut).length;
    expect(puts, 'what was stored is not sent again').toBeLessThan(IMAGES + MIDWAY);
  });

  it('a wait stops when the credentials expire, says so, and another goes on with it', async () => {
    const running = imgcls(...upload);
    await expect.poll(stateOfJob).toBe('sealed');
    const bad = trouble(always, refusing('ExpiredToken'));
    const stopped = await running.finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, /the AWS credentials have expired\.\nhint: Get new credentials\./);
    const job = jobToContinue(stopped.stderr, 'resume');
    bad.end();
    startWorker();
    const { code, stdout, stderr } = await imgcls('resume', job).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('an upload whose input bucket vanishes stops and says so; with a new bucket it is resumed and retried', async () => {
    const worker = startWorker();
    let vanishing: Promise<void> | undefined;
    trouble(sent(MIDWAY), async (_request, forward) => {
      vanishing ??= deleteBucket('input');
      await vanishing;
      return await forward();
    });
    const stopped = await imgcls(...upload).finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, /faults-\d+-input.*: the bucket does not exist\.\nhint: Check the name/);
    const job = jobToContinue(stopped.stderr, 'resume');
    worker.kill('SIGTERM');
    await worker.finished;

    await makeBucket('input');
    startWorker();
    const resumed = await imgcls('resume', job).finished;
    const lost = linesOf(resumed.stdout).filter((line) => line.endsWith(', error: missing'));
    expect(resumed.code, resumed.stderr).toBe(lost.length > 0 ? 3 : 0);
    expect(namesOf(resumed.stdout)).toEqual([...labels.keys()]);
    const retried = await imgcls('retry', job).finished;
    expect(retried.code, retried.stderr).toBe(0);
    const { stdout } = await imgcls('results', job).finished;
    expectEachOnce(stdout, labels);
  });

  it('a job whose output bucket vanishes is gone, and everybody says so', async () => {
    startWorker();
    let vanishing: Promise<void> | undefined;
    trouble(sent(MIDWAY), async (_request, forward) => {
      vanishing ??= deleteBucket('output');
      await vanishing;
      return await forward();
    });
    const stopped = await imgcls(...upload).finished;
    expect(stopped.code).toBe(1);
    expectMessage(stopped.stderr, /faults-\d+-output.*: the bucket does not exist\.\nhint: Check the name/);
    const job = jobToContinue(stopped.stderr, 'resume');
    await makeBucket('output');
    const resumed = await imgcls('resume', job).finished;
    expect(resumed.code).toBe(2);
    expectMessage(resumed.stderr, /No job \w{26}/);
    startWorker();
    const { code, stdout, stderr } = await imgcls(...upload).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('an upload waits throttling, errors, resets and half answers out, and says each once', async () => {
    startWorker();
    proxy.inject({ of: isImagePut, answer: () => new Promise(() => {}) });
    const bad = trouble(sent(MIDWAY), changing(ONE_AFTER_THE_OTHER));
    const running = imgcls(...upload);
    await expect.poll(() => running.stderr()).toMatch(/Retrying/);
    await expect.poll(bad.met).toBeGreaterThan(60);
    bad.end();
    const { code, stdout, stderr } = await running.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
    expectEachFaultOnce(stderr);
  });

  it('a wait outlasts throttling, errors, resets and half answers, and says each once', async () => {
    const running = imgcls(...upload);
    await expect.poll(stateOfJob).toBe('sealed');
    const bad = trouble(always, changing(ONE_AFTER_THE_OTHER));
    await expect.poll(() => running.stderr()).toMatch(/Retrying/);
    startWorker();
    bad.end();
    const { code, stdout, stderr } = await running.finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
    expectEachFaultOnce(stderr);
  });

  it('an upload that is interrupted during an outage ends without a retry and is resumed', async () => {
    startWorker();
    const bad = trouble(sent(MIDWAY), refusing('SlowDown', 503));
    const running = imgcls(...upload);
    await expect.poll(() => running.stderr()).toMatch(/Retrying/);
    bad.end();
    const silent = trouble(always, () => new Promise(() => {}));
    const before = proxy.requests.length;
    running.kill('SIGINT');
    const stopped = await running.finished;
    expect(stopped.code).toBe(130);
    const asked = proxy.requests
      .slice(before)
      .map(({ method, action, path: of }) => [method, action, of].join(' '));
    expect(asked, 'no request is repeated').toEqual([...new Set(asked)]);
    silent.end();
    const { code, stdout, stderr } = await imgcls('resume', jobToContinue(stopped.stderr, 'resume')).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
  });

  it('a machine whose clock is wrong by hours goes by that of AWS', async () => {
    const isSkewed: Fault['of'] = (request) => Math.abs(signedAtMs(request) - Date.now()) > 15 * 60_000;
    const refused = trouble(isSkewed, async (request) => {
      const refusal = serviceError(request, 403, 'RequestTimeTooSkewed');
      return { ...refusal, headers: { ...refusal.headers, date: new Date().toUTCString() } };
    });
    const clockFile = path.join(dataDir, 'clock');
    await writeFile(clockFile, String(-6 * 3_600_000));
    startWorker();
    const { code, stdout, stderr } = await start(installed.bin, dataDir, upload, {
      ...settings(proxy.url),
      ...shiftedClock(clockFile),
    }).finished;
    expect(code, stderr).toBe(0);
    expectEachOnce(stdout, labels);
    expect(refused.met()).toBeGreaterThan(0);
    expect(stderr).not.toMatch(/clock/);
  });
});
