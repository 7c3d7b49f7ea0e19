import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WorkerFiles } from '../../../../src/scaler/drivers/worker-files.ts';

it('files of workers with the process id 0 or -1 are ignored: a signal to it would reach a group or all processes', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-worker-files-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  for (const pid of [-1, 0, 7]) {
    const file = { v: 1, id: `w${pid}`, host: 'here', pid, launchedAtMs: 0 };
    await writeFile(path.join(folder, `w${pid}.pid`), JSON.stringify(file));
  }
  expect((await new WorkerFiles(folder).list()).map(({ pid }) => pid)).toEqual([7]);
});
