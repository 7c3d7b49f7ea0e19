// Checks of this machine: Node, memory, disk and clock.

import type { Caller } from '../core/aws-account/account.ts';
import { LEAST_MEMORY_BYTES } from '../scaler/drivers/ec2-check.ts';
import { actionNeeded, type CheckResult, ok } from './check.ts';

const GIB = 1024 ** 3;
const MIN_NODE = [22, 13] as const;
/** Room for a model, its optimised copy and the images in work. */
const MIN_DISK_BYTES = GIB;
/** AWS rejects requests whose time is 5 minutes off. Warn earlier, as a drifting clock gets there. */
const MAX_SKEW_MS = 60_000;

export function checkNode(version: string): CheckResult {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const [leastMajor, leastMinor] = MIN_NODE;
  if (major > leastMajor || (major === leastMajor && minor >= leastMinor)) return ok(version);
  return actionNeeded(`${version} is too old.`, `Install Node ${MIN_NODE.join('.')} or newer.`);
}

export function checkDisk(folder: string, freeBytes: number): CheckResult {
  const free = `${gib(freeBytes)} free for ${folder}`;
  if (freeBytes >= MIN_DISK_BYTES) return ok(free);
  return actionNeeded(
    `only ${free}.`,
    `Free at least ${gib(MIN_DISK_BYTES)}, or choose another folder with --data-dir.`,
  );
}

export function checkMemory(totalBytes: number): CheckResult {
  if (totalBytes >= LEAST_MEMORY_BYTES) return ok(gib(totalBytes));
  return actionNeeded(
    `${gib(totalBytes)} is too little for a worker.`,
    `Use a machine with at least ${gib(LEAST_MEMORY_BYTES)}.`,
  );
}

/** The decoder is optional: without it, HEIC images get an error and all others are classified. */
export function checkHeicDecoder(version: string | undefined, installCommand: string): CheckResult {
  if (version !== undefined) return ok(`decoder libheif-js ${version}`);
  return {
    ...ok('no decoder is installed; HEIC images get an error'),
    hint: `To install it: ${installCommand}`,
  };
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** @param nowMs this machine's time when the answer arrived. */
export function checkClock({ serverMs }: Pick<Caller, 'serverMs'>, nowMs: number): CheckResult {
  if (serverMs === undefined) return { status: 'unknown', message: 'the answer of AWS had no date' };
  const skewMs = nowMs - serverMs;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok(`within ${Math.max(1, seconds)} s of the AWS clock`);
  return actionNeeded(
    `${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the AWS clock.`,
    'Turn on time synchronisation (timedatectl set-ntp true).',
  );
}
