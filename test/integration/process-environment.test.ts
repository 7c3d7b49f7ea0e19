/** What the processes of a fleet find in their environment, as Linux lists it. */
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../contract/until.ts';
import { ofProcess, processesOf, type Running, repository, start } from '../e2e/package.ts';
import { Harness } from './worker-harness.ts';

const bin = path.join(repository, 'bin/imgcls.js');

describe.skipIf(process.platform !== 'linux')('the environment of a fleet on one machine', () => {
  let harness: Harness;
  let controller: Running;
  beforeEach(async () => {
    harness = await Harness.make();
    controller = start(bin, harness.folder, ['scale', '--min', '1', '--drain-on-exit'], {
      IMGCLS_TOKEN: 'a-token-of-the-page-and-the-service',
      AWS_SECRET_ACCESS_KEY: 'secret-key-of-the-submitter',
      STRANGERS_PASSWORD: 'password-of-another-program',
      IMGCLS_RUNNERS: '1',
      OMP_NUM_THREADS: '1',
      TZ: 'Asia/Tokyo',
    });
  });
  afterEach(async () => {
    controller.kill('SIGTERM');
    await controller.finished;
    await harness.release();
  });

  const environmentOf = async (command: string): Promise<Record<string, string>> => {
    const pid = await until(`there is a process ${command}`, async () =>
      (await processesOf(harness.folder)).find((each) => ofProcess(each, 'cmdline').includes(command)),
    );
    const variables = ofProcess(pid, 'environ').split('\0').filter(Boolean);
    return Object.fromEntries(variables.map((text) => text.split(/=(.*)/s).slice(0, 2)));
  };

  it('has no token in its worker, and nothing but what a runner needs in its runner', async () => {
    const worker = await environmentOf('\0worker\0--managed\0');
    expect(worker.IMGCLS_TOKEN).toBeUndefined();
    // It may have to read images of another bucket.
    expect(worker).toMatchObject({ IMGCLS_RUNNERS: '1', AWS_SECRET_ACCESS_KEY: expect.any(String) });

    const runner = await environmentOf('runner-main');
    expect(runner).toMatchObject({
      PATH: process.env.PATH,
      TZ: 'Asia/Tokyo',
      OMP_NUM_THREADS: '1',
      MALLOC_ARENA_MAX: '2',
      UV_THREADPOOL_SIZE: '2',
      ORT_DISABLE_TELEMETRY: '1',
      IMGCLS_TEST_DATA_DIR: harness.folder,
    });
    const ours = Object.keys(runner).filter((name) => /^(IMGCLS_(?!TEST_)|AWS_)|PASSWORD|TOKEN/.test(name));
    expect(ours).toEqual([]);
  });
});
