import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DiskFullError } from '../../../src/core/runtime/errors.ts';
import { Reserve } from '../../../src/local/reserve.ts';

describe('the space in reserve for a full disk', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'imgcls-reserve-'));
  });
  afterEach(async () => await rm(folder, { recursive: true }));

  it('is taken again by a process that runs on after another one has given it away', async () => {
    const file = join(folder, 'reserve');
    const service = new Reserve(file);
    await service.take();
    expect(existsSync(file)).toBe(true);
    const deleted = await new Reserve(file).forDelete(async () => {
      if (existsSync(file)) throw new DiskFullError('The disk is full.', undefined);
      return 'deleted';
    });
    expect([deleted, existsSync(file)]).toEqual(['deleted', false]);
    await service.take();
    expect(existsSync(file)).toBe(true);
  });

  it('is given away once: a delete that finds none fails with the full disk', async () => {
    const full = new DiskFullError('The disk is full.', undefined);
    const failing = new Reserve(join(folder, 'reserve')).forDelete(() => Promise.reject(full));
    await expect(failing).rejects.toBe(full);
  });
});
