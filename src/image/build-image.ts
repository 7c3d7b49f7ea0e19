// From nothing to a machine image: a builder is launched and provisions itself, its disk becomes the image, and it goes.

import type { Architecture, Ec2Images } from '../core/aws-account/ec2-images.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageOf } from '../core/runtime/errors.ts';
import { lastLines, readConsole } from './builder-console.ts';

export interface ImageOrder {
  architecture: Architecture;
  instanceType: string;
  subnet?: string;
  userData: string;
}

export interface BuildTools {
  images: Ec2Images;
  clock: Clock;
  newId(): string;
  /** Told how far it is. */
  say(text: string): void;
  /** Ends the build; what it has made is taken away again. */
  signal: AbortSignal;
}

/** Within so long a builder has stopped by itself, whatever happened to it. */
export const PROVISION_LIMIT_MS = 40 * 60_000;
/** EC2 brings the end of the console late. */
const CONSOLE_LIMIT_MS = 10 * 60_000;
const IMAGE_LIMIT_MS = 60 * 60_000;
const POLL_MS = 10_000;

/**
 * @returns the id of the image, which can be launched.
 * @throws {ImgclsError} what went wrong; the signal's reason. Neither builder nor half an image is left then.
 */
export async function buildImage(order: ImageOrder, tools: BuildTools): Promise<string> {
  const { images, newId, say, signal } = tools;
  signal.throwIfAborted();
  const builder = await images.launchBuilder({ token: newId(), ...order });
  say(`${builder} (${order.instanceType}) is launched.`);
  try {
    const version = await untilProvisioned(builder, tools);
    return await createImage(builder, { architecture: order.architecture, version }, tools);
  } finally {
    await sayFailure(tools, `${builder} is still there; terminate it by hand`, async () => {
      await images.terminate(builder);
      say(`${builder} is terminated.`);
    });
  }
}

/** @returns the version of imgcls that the builder has. */
async function untilProvisioned(builder: string, tools: BuildTools): Promise<string> {
  const { images, say } = tools;
  const told = new Set<string>();
  let output = '';
  const fail = (message: string) => {
    const said = lastLines(output);
    const hint = said === '' ? 'Its console is empty.' : `Its console said last:\n${said}`;
    return new ImgclsError('permanent', message, { hint });
  };
  const version = async () => {
    output = await images.consoleOutput(builder);
    const { steps, end } = readConsole(output);
    for (const step of steps.filter((each) => !told.has(each))) say(`${builder}: ${step}`);
    for (const step of steps) told.add(step);
    if (end !== undefined && 'failedAt' in end)
      throw fail(`Provisioning ${builder} failed at: ${end.failedAt}.`);
    return end?.version;
  };
  const isStopped = async () => {
    const state = await images.builderState(builder);
    if (state === 'stopped') return true;
    if (state === 'shutting-down' || state === 'terminated')
      throw fail(`Somebody has terminated ${builder}.`);
    await version();
    return undefined;
  };
  if (!(await pollUntil(PROVISION_LIMIT_MS, isStopped, tools)))
    throw fail(`${builder} has not stopped within ${PROVISION_LIMIT_MS / 60_000} minutes.`);
  const found = await pollUntil(CONSOLE_LIMIT_MS, version, tools);
  if (found === undefined) throw fail(`${builder} has stopped and does not say what became of it.`);
  return found;
}

async function createImage(
  builder: string,
  { architecture, version }: { architecture: Architecture; version: string },
  tools: BuildTools,
): Promise<string> {
  const { images, clock, say } = tools;
  const moment = new Date(clock.nowMs()).toISOString().replace(/\D/g, '').slice(0, 14);
  const name = `imgcls-worker-${version}-${architecture}-${moment}`;
  const id = await images.createImage(builder, { name, architecture, version });
  say(`${id} (${name}) is being made.`);
  let snapshots: string[] = [];
  const isAvailable = async () => {
    const found = await images.imageState(id);
    snapshots = found.snapshots;
    if (found.state === 'failed')
      throw new ImgclsError('permanent', `Image ${id} failed: ${found.why ?? 'EC2 does not say why'}.`);
    return found.state === 'available' || undefined;
  };
  try {
    if (await pollUntil(IMAGE_LIMIT_MS, isAvailable, tools)) return id;
    throw new ImgclsError('permanent', `Image ${id} is not there within ${IMAGE_LIMIT_MS / 60_000} minutes.`);
  } catch (error) {
    await sayFailure(tools, `${id} is still there; deregister it by hand`, () =>
      images.remove({ id, snapshots }),
    );
    throw error;
  }
}

/** The first value that is not undefined, through faults that pass; undefined when time is up. @throws the signal's reason. */
async function pollUntil<T>(
  limitMs: number,
  look: () => Promise<T | undefined>,
  { clock, signal }: BuildTools,
): Promise<T | undefined> {
  const untilMs = clock.monotonicMs() + limitMs;
  while (clock.monotonicMs() < untilMs) {
    signal.throwIfAborted();
    try {
      const found = await look();
      if (found !== undefined) return found;
    } catch (error) {
      if (!isTransient(error)) throw error;
    }
    await clock.sleep(POLL_MS, signal);
  }
  return undefined;
}

/** What cannot be taken away again hides no error that came before. */
async function sayFailure({ say }: BuildTools, what: string, act: () => Promise<void>): Promise<void> {
  try {
    await act();
  } catch (error) {
    say(`${what}: ${messageOf(error)}`);
  }
}
