/** Builds the container image and runs it as its users do: read-only, without rights, in each of its roles. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from '../contract/until.ts';
import { hasTool } from '../integration/tools.ts';
import { ContainerImage } from './container-image.ts';
import { canMakeMachines, DebianRoot } from './debian-root.ts';

const ROLES = [
  { role: 'everything on one machine', args: ['up', '--port', '0'] },
  { role: 'the service', args: ['serve', '--port', '0'] },
  { role: 'a worker', args: ['worker', '--runners', '1'] },
  { role: 'the controller', args: ['scale', '--max', '1'] },
];

describe.skipIf(!canMakeMachines() || !hasTool('buildah', 'buildah'))('the container image', () => {
  let image: ContainerImage;
  let scratch: string;
  let volumes: string[];

  beforeAll(async () => {
    scratch = await mkdtemp(path.join(tmpdir(), 'imgcls-container-'));
    const debian = await DebianRoot.make();
    try {
      image = await ContainerImage.build(debian, path.join(scratch, 'store'));
    } finally {
      await debian.close();
    }
  });
  afterAll(() => rm(scratch, { recursive: true }));

  let running: ChildProcess | undefined;
  beforeEach(async () => {
    const place = await mkdtemp(path.join(scratch, 'volumes-'));
    volumes = ['data', 'tmp'].map((name) => path.join(place, name));
    const [user = 0, group = 0] = image.config.User.split(':').map(Number);
    for (const volume of volumes) {
      await mkdir(volume);
      await chown(volume, user, group);
    }
  });
  afterEach(() => {
    running?.kill('SIGKILL');
    running = undefined;
  });

  const start = (args: readonly string[]) => image.start([...image.config.Entrypoint, ...args], volumes);
  async function finish(program: readonly string[]) {
    const child = image.start(program, volumes);
    const [stdout, stderr, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    return { code, stdout, stderr };
  }
  const isHealthy = async () => {
    const [kind, ...check] = image.config.Healthcheck.Test;
    expect(kind).toBe('CMD');
    return (await finish(check)).code === 0;
  };

  it('labels its samples, and can write nowhere but into its volumes', async () => {
    const labelled = await finish([
      ...image.config.Entrypoint,
      'label',
      '/opt/imgcls/samples',
      '--format',
      'csv',
    ]);
    expect(labelled.stderr).toMatch(/\d+ images, 0 errors/);
    expect(labelled.stdout).toMatch(/^\d+,cat\.jpg,tiger cat,/m);
    const written = await finish([
      'sh',
      '-c',
      'touch /opt/imgcls/x; touch /tmp/x && id -u && grep CapBnd /proc/self/status',
    ]);
    expect(written.stderr).toMatch(/Read-only file system|Permission denied/);
    expect(written.stdout).toBe('10001\nCapBnd:\t0000000000000000\n');
  });

  it.each(ROLES)('is healthy as $role once that is ready, and ends at SIGTERM', async ({ args }) => {
    expect(await isHealthy()).toBe(false);
    const child = start(args);
    running = child;
    const output = Promise.all([text(child.stdout), text(child.stderr)]);
    await until('the health check passes', isHealthy, { timeoutMs: 60_000, everyMs: 500 });
    child.kill('SIGTERM');
    const [code, signal] = await once(child, 'close');
    expect({ code, signal, output: await output }).toMatchObject({ code: 0, signal: null });
    expect(await isHealthy()).toBe(false);
  });

  it('has the model runtime of one platform, and no npm package of developers', async () => {
    const modules = path.join(image.folder, 'opt/imgcls/node_modules');
    const [runtime = ''] = await readdir(path.join(modules, 'onnxruntime-node/bin'));
    const systems = path.join(modules, 'onnxruntime-node/bin', runtime);
    expect(await readdir(systems)).toEqual(['linux']);
    expect(await readdir(path.join(systems, 'linux'))).toEqual([process.arch]);
    expect(await readdir(modules)).not.toContain('vitest');
  });
});
