import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { buildImage } from '../../../src/image/build-image.ts';
import { virtualClock } from '../virtual-clock.ts';
import { FakeEc2Images } from './fake-ec2-images.ts';

const DONE = `
[   12.5] cloud-init[1]: imgcls-provision: node
[   80.1] cloud-init[1]: imgcls-provision: package
[   99.9] cloud-init[1]: imgcls-provision: OK 1.2.3\r
`;
const order = {
  architecture: 'arm64',
  instanceType: 'c7g.large',
  network: { subnet: 'subnet-1', group: 'sg-1', hasPublicAddress: true },
  userData: '#!',
} as const;
const denied = () => new ImgclsError('permanent', 'access is denied');
const outage = () => new ImgclsError('transient', 'Service unavailable');

let images: FakeEc2Images;
let progress: string[];
let interrupt: AbortController;
/** The user interrupts at a progress message with this text. */
let interruptAt: string | undefined;
beforeEach(() => {
  images = new FakeEc2Images();
  images.console = DONE;
  progress = [];
  interrupt = new AbortController();
  interruptAt = undefined;
});
const build = () =>
  buildImage(order, {
    images,
    clock: virtualClock(Date.UTC(2026, 10, 26, 7, 30)),
    newId: () => 'token',
    onProgress(text) {
      progress.push(text);
      if (interruptAt !== undefined && text.includes(interruptAt)) interrupt.abort(new Error('interrupted'));
    },
    signal: interrupt.signal,
  });
describe('building an image', () => {
  it('launches a builder, waits for it, makes an image with its version, and terminates it', async () => {
    expect(await build()).toBe('ami-1');
    expect(images.launched).toEqual([{ token: 'token', ...order }]);
    expect(images.made).toEqual([
      {
        name: expect.stringMatching(/^imgcls-worker-1\.2\.3-arm64-202611260730\d\d$/),
        architecture: 'arm64',
        version: '1.2.3',
      },
    ]);
    expect(images.terminated).toEqual(['i-1']);
    expect(images.removed).toEqual([]);
    expect(progress).toContain('i-1: package');
  });

  it('waits until the builder is listed and stopped, and for delayed console output', async () => {
    images.states = [undefined, 'pending', 'running', 'stopped'];
    images.console = '';
    const looks: string[] = [];
    images.consoleOutput = async () => {
      looks.push('');
      return looks.length > 10 ? DONE : '';
    };
    expect(await build()).toBe('ami-1');
  });

  it('retries transient errors', async () => {
    for (const verb of ['builderState', 'consoleOutput', 'imageState'] as const)
      images.faults.set(verb, [outage(), outage()]);
    expect(await build()).toBe('ami-1');
  });
});

describe('a build that fails', () => {
  afterEach(() => {
    expect(new Set(images.terminated)).toEqual(new Set(['i-1']));
  });

  it('names the failed step of provisioning, with the end of the console, and does not wait', async () => {
    images.states = ['running'];
    images.console = 'npm error 404\nimgcls-provision: FAILED package\n';
    await expect(build()).rejects.toMatchObject({
      message: 'Provisioning i-1 failed at: package.',
      hint: expect.stringContaining('npm error 404'),
    });
    expect(images.made).toEqual([]);
  });

  it('reports a builder that stops without a result', async () => {
    images.console = 'Kernel panic\n';
    await expect(build()).rejects.toMatchObject({
      message: expect.stringContaining('stopped without reporting a result'),
      hint: expect.stringContaining('Kernel panic'),
    });
    expect(images.made).toEqual([]);
  });

  it('reports a builder that never stops', async () => {
    images.states = ['running'];
    await expect(build()).rejects.toThrow('did not stop within 40 minutes');
  });

  it('reports a builder that was terminated from outside', async () => {
    images.states = ['running', 'shutting-down'];
    await expect(build()).rejects.toThrow('Builder i-1 was terminated from outside');
  });

  it('deletes an image that failed or timed out', async () => {
    images.imageStates = [{ state: 'failed', why: 'Client.InternalError', snapshots: ['snap-1'] }];
    await expect(build()).rejects.toThrow('Image ami-1 failed: Client.InternalError.');
    images.imageStates = [{ state: 'pending', snapshots: [] }];
    images.states = ['stopped'];
    await expect(build()).rejects.toThrow('AMI ami-1 did not become available within 60 minutes');
    expect(images.removed).toEqual([
      { id: 'ami-1', snapshots: ['snap-1'] },
      { id: 'ami-1', snapshots: [] },
    ]);
  });

  it('fails with the first error, and reports what it could not delete', async () => {
    images.faults.set('imageState', [denied()]);
    images.faults.set('remove', [denied()]);
    await expect(build()).rejects.toThrow('access is denied');
    expect(progress).toContain('Cannot delete image ami-1. Deregister it yourself: access is denied');
  });

  it.each([
    ['the builder is launched', 'Launched builder i-1 (c7g.large)', []],
    ['it provisions itself', 'i-1: package', []],
    ['the image is being created', 'Creating image', ['ami-1']],
  ])('is undone when it is interrupted while %s', async (_, words, removed) => {
    interruptAt = words;
    await expect(build()).rejects.toThrow('interrupted');
    expect(images.removed.map(({ id }) => id)).toEqual(removed);
  });
});

describe('a builder that cannot be terminated', () => {
  it('is reported, and the image is still valid', async () => {
    images.faults.set('terminate', [denied()]);
    expect(await build()).toBe('ami-1');
    expect(progress.at(-1)).toBe('Cannot terminate i-1. Terminate it yourself: access is denied');
  });
});
