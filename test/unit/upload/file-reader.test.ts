import { closeSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FileChangedError, FileReader } from '../../../src/upload/file-reader.ts';

let folder: string;
let file: string;
/** How long each operation takes. */
let tookMs: number;
let reader: FileReader;

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'imgcls-reader-'));
  file = path.join(folder, 'a.jpg');
  writeFileSync(file, 'abc');
  let nowMs = 0;
  reader = new FileReader({
    monotonicMs: () => {
      nowMs += tookMs;
      return nowMs;
    },
  });
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Opens and hashes so many files. @returns how many of them in the thread pool. */
async function inPool(files: number): Promise<number> {
  let pooled = 0;
  for (let at = 0; at < files; at++) {
    const opened = reader.open(file);
    if (opened instanceof Promise) pooled++;
    const fd = await opened;
    await reader.digest(fd, 3);
    closeSync(fd);
  }
  return pooled;
}

describe('the files of an upload', () => {
  it('are read without the thread pool while the system has them at hand', async () => {
    tookMs = 0.02;
    expect(await inPool(100)).toBe(0);
  });

  it('are read without it also when the machine pauses the process for a moment', async () => {
    tookMs = 0.02;
    await inPool(50);
    tookMs = 300;
    closeSync(await reader.open(file));
    tookMs = 0.02;
    expect(await inPool(50)).toBe(0);
  });

  it('are read in it, but one now and then, from a slow disk or a network', async () => {
    tookMs = 2;
    await inPool(10);
    expect(await inPool(650)).toBe(640);
  });

  it('are read without it again once they come fast', async () => {
    tookMs = 2;
    await inPool(10);
    tookMs = 0.02;
    await inPool(65 * 30);
    expect(await inPool(65)).toBe(0);
  });

  it.each([2, 4])('that have not the expected size, %i bytes, have changed', async (bytes) => {
    tookMs = 0.02;
    const fd = await reader.open(file);
    await expect((async () => await reader.digest(fd, bytes))()).rejects.toThrow(FileChangedError);
    closeSync(fd);
  });
});
