import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { requestQueueName } from '../../src/core/job/keys.ts';
import { REQUEST_FORMAT } from '../../src/core/job/messages.ts';
import { createLocalCloud } from '../../src/local/cloud.ts';
import { type InstalledPackage, installPackage, start } from './package.ts';
import { expectEachOnce, labelByContent, linesOf, writeImages } from './plain-images.ts';

let installed: InstalledPackage;
let folder: string;
beforeAll(async () => {
  installed = await installPackage();
  folder = await mkdtemp(path.join(tmpdir(), 'imgcls-newer-'));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
  await installed.remove();
});

/** As a submitter of a newer imgcls would. */
async function sendNewer(dataDir: string): Promise<void> {
  const cloud = createLocalCloud({ dataDir, cluster: 'default' });
  await cloud.queues
    .open(requestQueueName('default'))
    .send([{ body: JSON.stringify({ v: REQUEST_FORMAT + 1 }) }]);
  await cloud.close();
}

describe('a message of a newer format', () => {
  it.each([5, 16, 127])(
    'costs a job of %i images no image and no second delivery, and "status" tells of it',
    async (images) => {
      const dataDir = await installed.dataDir();
      const log = path.join(folder, `${images}.log`);
      const env = { ...labelByContent, IMGCLS_TEST_RUNNER_LOG: log };
      const imgcls = (...args: string[]) => start(installed.bin, dataDir, args, env).finished;
      // Creates the queues.
      await writeImages(path.join(folder, 'first'), 1);
      await imgcls('upload', path.join(folder, 'first'));
      await sendNewer(dataDir);
      const photos = path.join(folder, String(images));
      const labels = await writeImages(photos, images);
      const { code, stdout, stderr } = await imgcls('upload', photos);
      expect(code, stderr).toBe(0);
      expectEachOnce(stdout, labels);
      expect(linesOf(await readFile(log, 'utf8'))).toHaveLength(1 + images);
      const status = await imgcls('status');
      expect(status.stdout).toMatch(/OUTDATED .* received 1 message of a newer format/);
      expect(status.stdout).toMatch(/backlog +0 requests waiting, 1 in flight/);
    },
  );
});
