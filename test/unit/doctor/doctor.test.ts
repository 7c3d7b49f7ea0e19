import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import { CONTROLLER_LOCK_KEY, workerStatusKey } from '../../../src/core/job/keys.ts';
import { findingText, runChecks } from '../../../src/doctor/check.ts';
import { checkController } from '../../../src/doctor/cluster.ts';
import {
  checkClock,
  checkDisk,
  checkHeicDecoder,
  checkMemory,
  checkNode,
} from '../../../src/doctor/machine.ts';
import { createLocalCloud } from '../../../src/local/cloud.ts';
import { heicInstallCommand } from '../../../src/model/heic-decoder.ts';
import { virtualClock } from '../virtual-clock.ts';

const GIB = 1024 ** 3;

describe('a machine', () => {
  it.each([
    ['22.12.9', 'action_needed'],
    ['22.13.0', 'ok'],
    ['24.1.0', 'ok'],
    ['20.20.2', 'action_needed'],
  ])('with Node %s: %s', (version, status) => {
    expect(checkNode(version)).toMatchObject({ status });
  });

  it('needs a gibibyte of disk and of memory', () => {
    expect(checkDisk('/data', 2 * GIB)).toEqual({ status: 'ok', message: '2.0 GiB free for /data' });
    expect(checkDisk('/data', GIB / 2)).toMatchObject({
      status: 'action_needed',
      hint: expect.stringContaining('--data-dir'),
    });
    expect(checkMemory(4 * GIB)).toMatchObject({ status: 'ok' });
    expect(checkMemory(GIB / 2)).toMatchObject({ status: 'action_needed' });
  });

  it('needs no decoder for HEIC, but hears how to install it', () => {
    const command = 'npm install libheif-js';
    expect(checkHeicDecoder('1.23.2', command)).toEqual({
      status: 'ok',
      message: 'decoder libheif-js 1.23.2',
    });
    expect(checkHeicDecoder(undefined, command)).toMatchObject({
      status: 'ok',
      hint: expect.stringContaining(command),
    });
  });

  it.each([
    ['/home/me/project/node_modules/imgcls/dist/chunks/a.js', 'npm install libheif-js'],
    ['/home/me/imgcls/src/model/heic-decoder.ts', 'npm install libheif-js'],
    ['/usr/local/lib/node_modules/imgcls/dist/chunks/a.js', 'npm install --global libheif-js'],
    [
      '/home/me/.npm/_npx/1f2e/node_modules/imgcls/dist/chunks/a.js',
      'npx --package imgcls --package libheif-js imgcls',
    ],
  ])('installs it beside %s', (module, command) => {
    expect(heicInstallCommand(module)).toBe(command);
  });

  it.each([
    [0, 'ok', /within 1 s/],
    [-60_000, 'ok', /within 60 s/],
    [61_000, 'action_needed', /61 s ahead of/],
    [-900_000, 'action_needed', /900 s behind/],
  ])('whose clock is %d ms off: %s', (skewMs, status, words) => {
    const result = checkClock({ serverMs: 1_000_000 }, 1_000_000 + skewMs);
    expect(result).toMatchObject({ status, message: expect.stringMatching(words) });
  });

  it('whose clock cannot be compared: unknown', () => {
    expect(checkClock({}, 0)).toMatchObject({ status: 'unknown' });
  });
});

describe('a controller', () => {
  let folder: string;
  let cloud: Cloud;
  const clock = virtualClock(Date.now());
  const { signal } = new AbortController();
  beforeEach(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-doctor-'));
    cloud = createLocalCloud({ dataDir: folder, cluster: 'default', clock });
  });
  afterEach(async () => {
    await cloud.close();
    await rm(folder, { recursive: true, force: true });
  });
  const put = (key: string, value: object) => cloud.output.put(key, Buffer.from(JSON.stringify(value)));
  const result = () =>
    checkController({ output: cloud.output, timing: { lockTtlMs: 10_000 }, clock, signal });

  it('needs action when it never ran or has released its lock', async () => {
    expect(await result()).toMatchObject({
      status: 'action_needed',
      message: 'no controller is running, and no worker reports.',
    });
    await put(CONTROLLER_LOCK_KEY, { v: 1, epoch: 2, renewals: 7 });
    expect(await result()).toMatchObject({
      status: 'action_needed',
      hint: expect.stringContaining('imgcls scale'),
    });
  });

  it('has stopped when it does not renew its lock', async () => {
    await put(CONTROLLER_LOCK_KEY, { v: 1, holder: 'gone', epoch: 2, renewals: 7 });
    expect(await result()).toMatchObject({
      status: 'action_needed',
      message: 'controller gone has stopped, and no worker reports.',
    });
  });

  it('is not needed while unmanaged workers run', async () => {
    await put(workerStatusKey('w-1'), {});
    expect(await result()).toEqual({
      status: 'ok',
      message: 'no controller is running; workers running without one: 1',
    });
    clock.advance(61_000);
    expect(await result()).toMatchObject({ status: 'action_needed' });
  });
});

describe('findings', () => {
  it('come one after the other, and an error needs action', async () => {
    const checks = [
      { name: 'one', run: async () => ({ status: 'ok' as const, message: 'fine' }) },
      { name: 'two', run: () => Promise.reject(new Error('broken')) },
    ];
    const findings = await Array.fromAsync(runChecks(checks, new AbortController().signal));
    expect(findings).toEqual([
      { check: 'one', status: 'ok', message: 'fine' },
      { check: 'two', status: 'action_needed', message: 'broken' },
    ]);
  });

  it('are one line, and another one for the hint', () => {
    expect(
      findingText({
        check: 'disk',
        status: 'action_needed',
        message: 'only 0.1 GiB.',
        hint: 'Make room\nor leave.',
      }),
    ).toBe('TO DO  disk              only 0.1 GiB.\n       Make room\n       or leave.');
  });
});
