// Builds a machine image: launches a builder that provisions itself, makes an image of its disk and terminates it.

import type { Architecture, BuilderNetwork, Ec2Images } from '../core/aws-account/ec2-images.ts';
import type { Clock } from '../core/runtime/clock.ts';
import { ImgclsError, isTransient, messageOf } from '../core/runtime/errors.ts';
import { lastLines, readConsole } from './builder-console.ts';

export interface ImageOrder {
  architecture: Architecture;
  instanceType: string;
  network: BuilderNetwork;
  userData: string;
}

export interface BuildTools {
  images: Ec2Images;
  clock: Clock;
  newId(): string;
  /** Receives progress messages. */
  onProgress(text: string): void;
  /** Aborts the build, which then deletes what it has created. */
  signal: AbortSignal;
}

/** A builder stops itself within this time, also when provisioning hangs. */
export const PROVISION_LIMIT_MS = 40 * 60_000;
/** EC2 returns the end of the console output with a delay. */
const CONSOLE_LIMIT_MS = 10 * 60_000;
const IMAGE_LIMIT_MS = 60 * 60_000;
const POLL_MS = 10_000;

/**
 * @returns the id of an image that is ready to launch.
 * @throws {ImgclsError} when a step fails, or the signal's reason. Deletes the builder and an incomplete image before.
 */
export async function buildImage(order: ImageOrder, tools: BuildTools): Promise<string> {
  const { images, newId, onProgress, signal } = tools;
  signal.throwIfAborted();
  const builder = await images.launchBuilder({ token: newId(), ...order });
  onProgress(`Launched builder ${builder} (${order.instanceType}).`);
  try {
    const version = await untilProvisioned(builder, tools);
    return await createImage(builder, { architecture: order.architecture, version }, tools);
  } finally {
    await reportFailure(tools, `Cannot terminate ${builder}. Terminate it yourself`, async () => {
      await images.terminate(builder);
      onProgress(`Terminated builder ${builder}.`);
    });
  }
}

/** @returns the version of imgcls on the builder. */
async function untilProvisioned(builder: string, tools: BuildTools): Promise<string> {
  const { images, onProgress } = tools;
  const reported = new Set<string>();
  let output = '';
  const fail = (message: string) => {
    const end = lastLines(output);
    const hint = end === '' ? 'Its console output is empty.' : `The end of its console output:\n${end}`;
    return new ImgclsError('permanent', message, { hint });
  };
  const version = async () => {
    output = await images.consoleOutput(builder);
    const { steps, end } = readConsole(output);
    for (const step of steps.filter((each) => !reported.has(each))) onProgress(`${builder}: ${step}`);
    for (const step of steps) reported.add(step);
    if (end !== undefined && 'failedAt' in end)
      throw fail(`Provisioning ${builder} failed at: ${end.failedAt}.`);
    return end?.version;
  };
  const isStopped = async () => {
    const state = await images.builderState(builder);
    if (state === 'stopped') return true;
    if (state === 'shutting-down' || state === 'terminated')
      throw fail(`Builder ${builder} was terminated from outside.`);
    await version();
    return undefined;
  };
  if (!(await pollUntil(PROVISION_LIMIT_MS, isStopped, tools)))
    throw fail(`Builder ${builder} did not stop within ${PROVISION_LIMIT_MS / 60_000} minutes.`);
  const found = await pollUntil(CONSOLE_LIMIT_MS, version, tools);
  if (found === undefined) throw fail(`Builder ${builder} stopped without reporting a result.`);
  return found;
}

async function createImage(
  builder: string,
  { architecture, version }: { architecture: Architecture; version: string },
  tools: BuildTools,
): Promise<string> {
  const { images, clock, onProgress } = tools;
  const timestamp = new Date(clock.nowMs()).toISOString().replace(/\D/g, '').slice(0, 14);
  const name = `imgcls-worker-${version}-${architecture}-${timestamp}`;
  const id = await images.createImage(builder, { name, architecture, version });
  onProgress(`Creating image ${id} (${name}).`);
  let snapshots: string[] = [];
  const isAvailable = async () => {
    const found = await images.imageState(id);
    snapshots = found.snapshots;
    if (found.state === 'failed')
      throw new ImgclsError('permanent', `Image ${id} failed: ${found.why ?? 'EC2 gave no reason'}.`);
    return found.state === 'available' || undefined;
  };
  try {
    if (await pollUntil(IMAGE_LIMIT_MS, isAvailable, tools)) return id;
    throw new ImgclsError(
      'permanent',
      `AMI ${id} did not become available within ${IMAGE_LIMIT_MS / 60_000} minutes.`,
    );
  } catch (error) {
    await reportFailure(tools, `Cannot delete image ${id}. Deregister it yourself`, () =>
      images.remove({ id, snapshots }),
    );
    throw error;
  }
}

/**
 * Polls until `look` returns a value, through transient errors.
 * @returns undefined on a timeout.
 * @throws the signal's reason.
 */
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

/** Does not let a clean-up error hide the original one. */
async function reportFailure(
  { onProgress }: BuildTools,
  what: string,
  act: () => Promise<void>,
): Promise<void> {
  try {
    await act();
  } catch (error) {
    onProgress(`${what}: ${messageOf(error)}`);
  }
}
