/** What one caller sends to shut out the others, at the service's default limits. */
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../../contract/until.ts';
import { animatedWebp, webpFrame } from '../many-frames.ts';
import { type InstalledPackage, installPackage, repository, USUAL_RUNNERS } from '../package.ts';
import { ask, openTemporaryFiles } from './ask.ts';
import { type Service, startService } from './up.ts';

const MEBIBYTE = 2 ** 20;
/** For hundreds of megabytes. */
const SLOW = { timeoutMs: 60_000 };
const cat = await readFile(path.join(repository, 'samples', 'cat.jpg'));

let installed: InstalledPackage;
let dataDir: string;
let service: Service;
beforeAll(async () => {
  installed = await installPackage();
  dataDir = await installed.dataDir();
  service = await startService(installed.bin, dataDir, ['up'], USUAL_RUNNERS);
  // The first image also waits for the worker.
  expect((await classify(cat, ATTACKER)).status).toBe(200);
});
afterAll(async () => {
  await service?.stop();
  await installed?.remove();
});
afterEach(async () => {
  // The largest memory of the service so far, from its start.
  const status = await readFile(`/proc/${service.pid}/status`, 'utf8');
  const peakBytes = 1024 * Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]);
  expect(peakBytes).toBeLessThan(400 * MEBIBYTE);
  expect(await openTemporaryFiles(dataDir)).toEqual([]);
  expect(service.stderr()).not.toMatch(/"status":500/);
});

const ATTACKER = '127.0.0.1';
const OTHER = '127.0.0.2';
const classify = async (image: Buffer, localAddress: string) =>
  await ask(
    `${service.url}/v1/classify`,
    { method: 'POST', headers: { 'content-type': 'image/jpeg' }, localAddress },
    image,
  );

describe('another caller is answered', () => {
  it('while images of 170,000 frames are classified, which get their labels as well', async () => {
    const image = animatedWebp(Array(170_000).fill(webpFrame()));
    const attack = Promise.all([classify(image, ATTACKER), classify(image, ATTACKER)]);
    expect((await classify(cat, OTHER)).status).toBe(200);
    expect((await attack).map(({ status }) => status)).toEqual([200, 200]);
  });

  it('before most of a flood of small files with many pixels', async () => {
    const side = 4000;
    const image = await sharp({ create: { width: side, height: side, channels: 3, background: '#808080' } })
      .avif({ effort: 0, quality: 1 })
      .toBuffer();
    const statuses: number[] = [];
    const flood = Array.from({ length: 32 }, async () => {
      statuses.push((await classify(image, ATTACKER)).status);
    });
    const refused = () => statuses.filter((status) => status === 429).length;
    await until('those beyond its share are refused', async () => (refused() >= 16 ? true : undefined));
    const other = await classify(cat, OTHER);
    expect(other.status, other.body).toBe(200);
    // Without turns, 16 would come first. With the worker are three.
    expect(statuses.length - refused()).toBeLessThanOrEqual(4);
    await Promise.all(flood);
    expect(refused()).toBe(16);
    for (const status of statuses) expect([200, 429, 504]).toContain(status);
  });

  it('while 300 connections leave their images unfinished', async () => {
    const { hostname, port, host } = new URL(service.url);
    const head = `POST /v1/classify HTTP/1.1\r\nHost: ${host}\r\nContent-Type: image/jpeg\r\nContent-Length: ${8 * MEBIBYTE}\r\n\r\n`;
    const body = Buffer.concat([cat, Buffer.alloc(2 * MEBIBYTE)]);
    const statuses: string[] = [];
    const sockets = Array.from({ length: 300 }, () => {
      const socket = connect(Number(port), hostname);
      socket.on('error', () => {});
      socket.on('data', (text) => statuses.push(String(text).slice(9, 12)));
      socket.write(head);
      socket.write(body);
      return socket;
    });
    try {
      await until('all but four are refused', async () => (statuses.length >= 296 ? true : undefined), SLOW);
      await until(
        'all is sent',
        async () => (sockets.every(({ writableLength }) => writableLength === 0) ? true : undefined),
        SLOW,
      );
      expect(statuses).toEqual(Array(296).fill('429'));
      const other = await classify(cat, OTHER);
      expect(other.status, other.body).toBe(200);
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });
});
