/** A service whose disk is full goes on: it refuses what it cannot store, and serves the rest. */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf } from '../package.ts';
import { labelByContent } from '../plain-images.ts';
import { canMountDisks, mountSmallDisk, type SmallDisk } from '../small-disk.ts';
import { ask, openTemporaryFiles } from './ask.ts';
import { type Service, startService } from './up.ts';

const canMount = await canMountDisks();
const JPEG_START = Buffer.from([0xff, 0xd8, 0xff]);

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

describe.skipIf(!canMount)('a service on a full disk', () => {
  let disk: SmallDisk;
  let dataDir: string;
  let service: Service;
  afterEach(async () => {
    await service?.stop();
    await expect.poll(() => processesOf(dataDir), { timeout: 15_000 }).toEqual([]);
    await disk.remove();
  });

  const upload = async (...images: Buffer[]) => {
    const form = new FormData();
    for (const [at, image] of images.entries())
      form.append('files', new Blob([JPEG_START, Buffer.from(image)]), `${at}.jpg`);
    const answer = await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
    return { status: answer.status, body: await answer.json() };
  };
  const get = (address: string) => ask(`${service.url}${address}`);
  const finished = (id: string) =>
    until(
      'the job is finished',
      async () => {
        const job = JSON.parse((await get(`/v1/jobs/${id}`)).body);
        return job.state === 'finished' ? job : undefined;
      },
      { timeoutMs: 60_000 },
    );
  const fullDisk = { status: 507, body: { title: 'Insufficient Storage', hint: expect.any(String) } };

  it('refuses what it cannot store, reads and deletes, and goes on once there is space', async () => {
    disk = await mountSmallDisk(32);
    dataDir = disk.folder;
    service = await startService(installed.bin, dataDir, ['up'], labelByContent);
    const before = await upload(randomBytes(200_000), randomBytes(200_000));
    expect(before.status).toBe(201);
    const { id } = await finished(before.body.id);
    const hasReserve = () => until('space is reserved', async () => existsSync(reserve()) || undefined);
    await hasReserve();

    const filler = path.join(dataDir, 'filler');
    await writeFile(filler, Buffer.alloc(64_000_000)).catch(({ code }) => expect(code).toBe('ENOSPC'));
    for (let round = 0; round < 3; round++)
      expect(await upload(randomBytes(2_000_000), randomBytes(100))).toMatchObject(fullDisk);
    // Whether the controller can still write depends on the free pages of the database; the service goes on either way.
    for (const address of ['/healthz', '/v1/status', '/v1/jobs', `/v1/jobs/${id}`, `/v1/jobs/${id}/results`])
      expect((await get(address)).status, address).toBe(200);
    expect((await ask(`${service.url}/v1/jobs/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await get(`/v1/jobs/${id}`)).status).toBe(404);

    await rm(filler);
    const after = await upload(randomBytes(200_000));
    expect(after.status).toBe(201);
    expect(await finished(after.body.id)).toMatchObject({ total: 1, done: 1, errors: 0 });
    await hasReserve();
  });

  it('for temporary files refuses large uploads only', async () => {
    disk = await mountSmallDisk(1);
    dataDir = await installed.dataDir();
    service = await startService(installed.bin, dataDir, ['up'], { ...labelByContent, TMPDIR: disk.folder });
    expect(await upload(randomBytes(2_000_000))).toMatchObject(fullDisk);
    const small = await upload(randomBytes(200_000));
    expect(small.status).toBe(201);
    expect(await finished(small.body.id)).toMatchObject({ total: 1, done: 1, errors: 0 });
    expect(await openTemporaryFiles(dataDir)).toEqual([]);
  });

  const reserve = () => path.join(dataDir, 'default', 'reserve');
});
