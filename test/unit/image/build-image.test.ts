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
  subnet: 'subnet-1',
  userData: '#!',
} as const;
const denied = () => new ImgclsError('permanent', 'access is denied');
const outage = () => new ImgclsError('transient', 'Service unavailable');

let images: FakeEc2Images;
let said: string[];
let interrupt: AbortController;
/** The user interrupts when this is said. */
let interruptAt: string | undefined;
beforeEach(() => {
  images = new FakeEc2Images();
  images.console = DONE;
  said = [];
  interrupt = new AbortController();
  interruptAt = undefined;
});
const build = () =>
  buildImage(order, {
    images,
    clock: virtualClock(Date.UTC(2026, 10, 26, 7, 30)),
    newId: () => 'token',
    say(text) {
      said.push(text);
      if (interruptAt !== undefined && text.includes(interruptAt)) interrupt.abort(new Error('interrupted'));
    },
    signal: interrupt.signal,
  });
describe('building an image', () => {
  it('launches a builder, waits for it, makes an image of what it says it is, and ends it', async () => {
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
    expect(said).toContain('i-1: package');
  });

  it('waits for the builder to be seen, for its disk to be whole, and for a console that comes late', async () => {
    images.states = [undefined, 'pending', 'running', 'stopped'];
    images.console = '';
    const looks: string[] = [];
    images.consoleOutput = async () => {
      looks.push('');
      return looks.length > 10 ? DONE : '';
    };
    expect(await build()).toBe('ami-1');
  });

  it('waits out faults that pass', async () => {
    for (const verb of ['builderState', 'consoleOutput', 'imageState'] as const)
      images.faults.set(verb, [outage(), outage()]);
    expect(await build()).toBe('ami-1');
  });
});

describe('a build that fails', () => {
  afterEach(() => {
    expect(new Set(images.terminated)).toEqual(new Set(['i-1']));
  });

  it('says at which step of provisioning, with the end of the console, and does not wait', async () => {
    images.states = ['running'];
    images.console = 'npm error 404\nimgcls-provision: FAILED package\n';
    await expect(build()).rejects.toMatchObject({
      message: 'Provisioning i-1 failed at: package.',
      hint: expect.stringContaining('npm error 404'),
    });
    expect(images.made).toEqual([]);
  });

  it('says so when the builder stops without a word', async () => {
    images.console = 'Kernel panic\n';
    await expect(build()).rejects.toMatchObject({
      message: expect.stringContaining('does not say what became of it'),
      hint: expect.stringContaining('Kernel panic'),
    });
    expect(images.made).toEqual([]);
  });

  it('says so when the builder never stops', async () => {
    images.states = ['running'];
    await expect(build()).rejects.toThrow('has not stopped within 40 minutes');
  });

  it('says so when somebody terminates the builder', async () => {
    images.states = ['running', 'shutting-down'];
    await expect(build()).rejects.toThrow('Somebody has terminated i-1');
  });

  it('leaves no image that EC2 has failed to make, or takes too long for', async () => {
    images.imageStates = [{ state: 'failed', why: 'Client.InternalError', snapshots: ['snap-1'] }];
    await expect(build()).rejects.toThrow('Image ami-1 failed: Client.InternalError.');
    images.imageStates = [{ state: 'pending', snapshots: [] }];
    images.states = ['stopped'];
    await expect(build()).rejects.toThrow('not there within 60 minutes');
    expect(images.removed).toEqual([
      { id: 'ami-1', snapshots: ['snap-1'] },
      { id: 'ami-1', snapshots: [] },
    ]);
  });

  it('fails with what went wrong first, and says what it could not take away', async () => {
    images.faults.set('imageState', [denied()]);
    images.faults.set('remove', [denied()]);
    await expect(build()).rejects.toThrow('access is denied');
    expect(said).toContain('ami-1 is still there; deregister it by hand: access is denied');
  });

  it.each([
    ['the builder is launched', 'i-1 (c7g.large) is launched', []],
    ['it provisions itself', 'i-1: package', []],
    ['the image is being made', 'is being made', ['ami-1']],
  ])('is undone when it is interrupted while %s', async (_, words, removed) => {
    interruptAt = words;
    await expect(build()).rejects.toThrow('interrupted');
    expect(images.removed.map(({ id }) => id)).toEqual(removed);
  });
});

describe('a builder that cannot be terminated', () => {
  it('is told of, and the image is good all the same', async () => {
    images.faults.set('terminate', [denied()]);
    expect(await build()).toBe('ami-1');
    expect(said.at(-1)).toBe('i-1 is still there; terminate it by hand: access is denied');
  });
});
