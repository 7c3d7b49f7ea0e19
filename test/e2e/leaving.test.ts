import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CTRL_C, findPython, onTerminal } from '../../tools/terminal/pseudo-terminal.ts';
import {
  type InstalledPackage,
  inDataDir,
  installPackage,
  processesOf,
  repository,
  start,
} from './package.ts';

const samples = path.join(repository, 'samples');
const cat = path.join(samples, 'cat.jpg');

let installed: InstalledPackage;
beforeAll(async () => {
  installed = await installPackage();
});
afterAll(() => installed.remove());

/** Starts `imgcls upload -` with a standard input that the test controls. */
function uploadList(dataDir: string, args: string[] = []) {
  const child = spawn(process.execPath, [installed.bin, 'upload', '-', ...args], {
    env: { ...process.env, ...inDataDir(dataDir) },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output.stdout += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output.stderr += text;
  });
  return { child, output, closed: once(child, 'close') };
}

describe('an upload whose list of files is still open', () => {
  it('labels the files listed so far, without waiting for more', async () => {
    const { child, output, closed } = uploadList(await installed.dataDir());
    child.stdin.write(`${cat}\n`);
    await expect.poll(() => output.stdout, { timeout: 60_000 }).toMatch(/cat\.jpg, .*cat/);
    child.stdin.end(`${cat}\n`);
    expect((await closed)[0], output.stderr).toBe(0);
    expect(output.stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it.each([
    ['nothing', ''],
    ['something', `${cat}\n`],
  ])('ends when it is interrupted after reading %s', async (_, text) => {
    const dataDir = await installed.dataDir();
    const { child, output, closed } = uploadList(dataDir);
    child.stdin.write(text);
    const cloud = path.join(dataDir, 'default', 'cloud.db');
    await expect
      .poll(
        () =>
          access(cloud).then(
            () => true,
            () => false,
          ),
        { timeout: 60_000 },
      )
      .toBe(true);
    child.kill('SIGINT');
    expect((await closed)[0], output.stderr).toBe(130);
    expect(output.stderr).toMatch(/^Interrupted\.\nhint: /m);
    expect(await processesOf(dataDir)).toEqual([]);
  });

  it('ends when it times out', async () => {
    const { child, output, closed } = uploadList(await installed.dataDir(), ['--timeout', '2']);
    child.stdin.write(`${cat}\n`);
    expect((await closed)[0]).toBe(1);
    expect(output.stderr).toMatch(/^error: Timed out after 2 s: \d+ images are done\.$/m);
  });
});

describe('an upload on a terminal', () => {
  const python = findPython();

  it.skipIf(python === undefined)('ends at Ctrl-C', async () => {
    const dataDir = await installed.dataDir();
    const list = path.join(dataDir, 'list');
    await writeFile(list, `${cat}\n`.repeat(3000));
    const command = `exec ${process.execPath} ${installed.bin} upload $(cat ${list})`;
    const { code, seen } = await onTerminal(python ?? '', command, {
      columns: 80,
      env: inDataDir(dataDir),
      keys: [{ after: 'images', press: CTRL_C }],
    });
    expect(code, seen).toBe(130);
    expect(seen).toMatch(/Interrupted/);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});

describe('results that are written to a file', () => {
  it('appear when they are complete', async () => {
    const dataDir = await installed.dataDir();
    const { code } = await start(installed.bin, dataDir, [
      'upload',
      cat,
      '--output',
      'out.csv',
      '--format',
      'csv',
    ]).finished;
    expect(code).toBe(0);
    expect(await readFile(path.join(dataDir, 'out.csv'), 'utf8')).toMatch(/cat/);
    expect((await readdir(dataDir)).filter((name) => name.endsWith('.partial'))).toEqual([]);
  });

  it('go into an existing pipe, which stays a pipe', async () => {
    const dataDir = await installed.dataDir();
    execFileSync('mkfifo', [path.join(dataDir, 'pipe')]);
    const reader = readFile(path.join(dataDir, 'pipe'), 'utf8');
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', cat, '--output', 'pipe'])
      .finished;
    expect(code, stderr).toBe(0);
    expect(await reader).toMatch(/cat/);
  });

  it.each([['nowhere/out.csv'], ['.']])('cannot go to %s: an error before any work is done', async (file) => {
    const dataDir = await installed.dataDir();
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', cat, '--output', file]).finished;
    expect(code).toBe(2);
    expect(stderr).toMatch(/Cannot write to/);
    expect(stderr).not.toMatch(/^\s+at /m);
    await expect(access(path.join(dataDir, `${file}.partial`))).rejects.toThrow();
  });

  it.runIf(process.platform === 'linux')('fail the command when the disk is full', async () => {
    const dataDir = await installed.dataDir();
    const { code, stderr } = await start(installed.bin, dataDir, ['upload', cat, '--output', '/dev/full'])
      .finished;
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: Cannot write to \/dev\/full: the disk is full\.$/m);
    expect(stderr).toMatch(/Run "imgcls results \w{26}" to print the outcomes\./);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});

describe('a reader that closes the pipe early', () => {
  it('of notices does not end the command', async () => {
    const { child, output, closed } = uploadList(await installed.dataDir());
    child.stderr.destroy();
    child.stdin.end(`${cat}\n${cat}\n`);
    expect((await closed)[0]).toBe(0);
    expect(output.stdout.trimEnd().split('\n')).toHaveLength(2);
  });

  it('ends the upload without an error, and with a hint how to get the rest', async () => {
    const dataDir = await installed.dataDir();
    const { child, output, closed } = uploadList(dataDir);
    child.stdin.end(`${cat}\n`.repeat(500));
    await once(child.stdout, 'data');
    child.stdout.destroy();
    expect((await closed)[0], output.stderr).toBe(0);
    expect(output.stderr).toMatch(/\w{26}/);
    expect(await processesOf(dataDir)).toEqual([]);
  });
});
