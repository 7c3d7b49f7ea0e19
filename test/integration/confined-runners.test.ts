/** What a program can do under deploy/systemd/confine.py, and a worker whose runners are under it. */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../contract/until.ts';
import { ofProcess, processesOf, type Running, repository, start } from '../e2e/package.ts';
import { hasTool } from './tools.ts';

const CONFINE = ['python3', '-IS', path.join(repository, 'deploy/systemd/confine.py')];
const bin = path.join(repository, 'bin/imgcls.js');
const METADATA_SERVICE = '169.254.169.254';

/** Tries what its arguments name; prints what became of each. */
const ATTEMPTS = `
import dgram from 'node:dgram';
import { openSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
const [port, folder] = process.argv.slice(2);
const ended = (socket, event) => new Promise((resolve) => {
  socket.once(event, () => resolve('done')).once('error', ({ code }) => resolve(code));
}).finally(() => (socket.destroy ?? socket.close).call(socket));
const tried = (act) => { try { act(); return 'done'; } catch ({ code }) { return code; } };
const report = {
  tcp: await ended(net.connect(Number(port), '127.0.0.1'), 'connect'),
  unix: await ended(net.connect(folder + '/socket'), 'connect'),
  udp: await ended(dgram.createSocket('udp4').bind(0, '127.0.0.1'), 'listening'),
  metadata: await ended(net.connect({ port: 80, host: '${METADATA_SERVICE}', timeout: 1000 }).once('timeout', function () { this.emit('error', { code: 'TIMEOUT' }); }), 'connect'),
  parent: tried(() => openSync('/proc/' + process.ppid + '/mem')),
  write: tried(() => writeFileSync(folder + '/written', '')),
  temporary: tried(() => writeFileSync(tmpdir() + '/written', '')),
  read: tried(() => readFileSync(process.argv[1])),
};
console.log(JSON.stringify(report));
`;

describe.skipIf(process.platform !== 'linux' || !hasTool('python3', 'python3'))('a confined program', () => {
  let folder: string;
  let temporary: string;
  let server: Server;
  let unixServer: Server;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-confined-'));
    temporary = await mkdtemp(path.join(tmpdir(), 'imgcls-temporary-'));
    await writeFile(path.join(folder, 'attempts.mjs'), ATTEMPTS);
    server = createServer((socket) => socket.end());
    unixServer = createServer((socket) => socket.end());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    await new Promise<void>((resolve) => unixServer.listen(path.join(folder, 'socket'), resolve));
  });
  afterAll(async () => {
    server.close();
    unixServer.close();
    await rm(folder, { recursive: true });
    await rm(temporary, { recursive: true });
  });

  async function attempts(under: readonly string[]): Promise<Record<string, string>> {
    const address = server.address();
    const port = typeof address === 'object' ? String(address?.port) : '';
    const script = path.join(folder, 'attempts.mjs');
    const [program = '', ...args] = [...under, process.execPath, script, port, folder];
    const { stdout } = await promisify(execFile)(program, args, {
      env: { PATH: process.env.PATH, TMPDIR: temporary },
    });
    return JSON.parse(stdout);
  }

  it('has no network, no metadata service, no way into its parent and no file to write', async () => {
    const done = 'done';
    const denied = 'EACCES';
    expect(await attempts([])).toMatchObject({
      tcp: done,
      unix: done,
      udp: done,
      parent: done,
      write: done,
      temporary: done,
      read: done,
    });
    expect(await attempts(CONFINE)).toEqual({
      tcp: denied,
      unix: denied,
      udp: denied,
      metadata: denied,
      parent: denied,
      write: denied,
      temporary: done,
      read: done,
    });
  });

  it('cannot empty the file of another', async () => {
    const file = path.join(folder, 'full');
    await writeFile(file, 'content');
    const [program = '', ...args] = CONFINE;
    const emptied = promisify(execFile)(
      program,
      [...args, '/usr/bin/env', 'python3', '-c', 'import os, sys; os.truncate(sys.argv[1], 0)', file],
      { env: { PATH: process.env.PATH, TMPDIR: temporary } },
    );
    await expect(emptied).rejects.toMatchObject({ stderr: expect.stringContaining('Permission denied') });
    expect(await readFile(file, 'utf8')).toBe('content');
  });

  it('can be a model runner: its worker labels images', async () => {
    const env = { IMGCLS_RUNNERS_UNDER: CONFINE.join(' '), IMGCLS_RUNNERS: '1' };
    const worker: Running = start(bin, folder, ['worker'], env);
    try {
      const samples = ['cat.jpg', 'rocket.jpg'].map((name) => path.join(repository, 'samples', name));
      const labelled = await start(bin, folder, ['upload', ...samples, '--format', 'lines'], env).finished;
      expect(labelled.stdout, labelled.stderr).toMatch(/cat\.jpg, tiger cat\n.*rocket\.jpg, missile\n$/);
      const runner = await until('there is a runner', async () =>
        (await processesOf(folder)).find((pid) => ofProcess(pid, 'cmdline').includes('runner-main')),
      );
      expect(ofProcess(runner, 'cmdline')).not.toContain('python');
      expect(ofProcess(runner, 'status')).toMatch(/^NoNewPrivs:\t1$[\s\S]*^Seccomp:\t2$/m);
      expect(ofProcess(worker.pid, 'status')).toMatch(/^Seccomp:\t0$/m);
    } finally {
      worker.kill('SIGTERM');
      expect((await worker.finished).code).toBe(0);
    }
  });

  it('is not run if it cannot be confined', async () => {
    const [program = '', ...args] = [...CONFINE, process.execPath, '--print', '"ran"'];
    const env = { PATH: process.env.PATH, TMPDIR: path.join(folder, 'none') };
    await expect(promisify(execFile)(program, args, { env })).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('No such file or directory'),
    });
  });
});
