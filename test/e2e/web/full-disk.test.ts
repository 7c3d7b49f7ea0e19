/** A service whose disk is full goes on: it refuses what it cannot store, and serves the rest. */
import { rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../contract/until.ts';
import { type InstalledPackage, installPackage, processesOf } from '../package.ts';
import { labelByContent } from '../plain-images.ts';
import { canMountDisks, mountSmallDisk, type SmallDisk } from '../small-disk.ts';
import { ask } from './ask.ts';
import { type Service, startService } from './up.ts';

const canMount = await canMountDisks();

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

describe.skipIf(!canMount)('a service on a full disk', () => {
  let disk: SmallDisk;
  let service: Service;
  afterEach(async () => {
    await service?.stop();
    await expect.poll(() => processesOf(disk.folder), { timeout: 15_000 }).toEqual([]);
    await disk.remove();
  });

  const upload = async (images: number, bytes: number) => {
    const form = new FormData();
    for (let at = 0; at < images; at++) {
      const image = Buffer.concat([Buffer.from([0xff, 0xd8, 0xff]), Buffer.alloc(bytes, `${Math.random()}`)]);
      form.append('files', new Blob([image]), `${at}.jpg`);
    }
    const answer = await fetch(`${service.url}/v1/jobs`, { method: 'POST', body: form });
    return { status: answer.status, body: await answer.json() };
  };
  const fill = async () => {
    const filler = path.join(disk.folder, 'filler');
    await writeFile(filler, Buffer.alloc(64_000_000)).catch(({ code }) => expect(code).toBe('ENOSPC'));
    return filler;
  };
  const finished = (id: string) =>
    until('the job is finished', async () => {
      const job = JSON.parse((await ask(`${service.url}/v1/jobs/${id}`)).body);
      return job.state === 'finished' ? job : undefined;
    }, { timeoutMs: 60_000 });

  it('refuses uploads with 507, reads and deletes, and goes on once there is space', async () => {
    disk = await mountSmallDisk(16);
    service = await startService(installed.bin, disk.folder, ['up'], labelByContent);
    const before = await upload(3, 200_000);
    expect(before.status).toBe(201);
    await finished(before.body.id);
    const filler = await fill();
    for (let round = 0; round < 5; round++) {
      const r = await upload(4, 300_000);
      console.log(JSON.stringify(r));
    }
    for (const p of ['/healthz','/readyz','/v1/jobs',`/v1/jobs/${before.body.id}`,`/v1/jobs/${before.body.id}/results`,'/v1/status']) {
      const a = await ask(service.url+p); console.log(p, a.status, a.body.slice(0,300));
    }
    await new Promise((r) => setTimeout(r, 20000)); console.log(service.stderr().slice(-5000));
    const d = await ask(`${service.url}/v1/jobs/${before.body.id}`, { method: 'DELETE' });
    console.log('delete', d.status, d.body);
    console.log(service.stderr().slice(-6000));
    await rm(filler);
    const after = await upload(3, 200_000);
    console.log(JSON.stringify(after));
    console.log(await finished(after.body.id));
  });
});
