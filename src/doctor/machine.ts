/** This machine: what of it imgcls needs, here or in a worker. */
import type { Caller } from '../core/aws-account/account.ts';
import { LEAST_MEMORY_BYTES } from '../scaler/drivers/ec2-check.ts';
import { actionNeeded, type CheckResult, ok } from './check.ts';

const GIB = 1024 ** 3;
const MIN_NODE = [22, 13] as const;
/** A model, its optimised form and images on their way. */
const MIN_DISK_BYTES = GIB;
/** AWS refuses requests that are 5 minutes off, and a clock that drifts gets there. */
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
    `Make room for ${gib(MIN_DISK_BYTES)}, or choose another folder with --data-dir.`,
  );
}

export function checkMemory(totalBytes: number): CheckResult {
  if (totalBytes >= LEAST_MEMORY_BYTES) return ok(gib(totalBytes));
  return actionNeeded(
    `${gib(totalBytes)} is too little for a worker.`,
    `Use a machine of ${gib(LEAST_MEMORY_BYTES)}.`,
  );
}

const gib = (bytes: number): string => `${(bytes / GIB).toFixed(1)} GiB`;

/** @param nowMs by this machine's clock, when the answer came. */
export function checkClock({ serverMs }: Pick<Caller, 'serverMs'>, nowMs: number): CheckResult {
  if (serverMs === undefined) return { status: 'unknown', message: 'AWS did not say what time it has' };
  const skewMs = nowMs - serverMs;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return ok(`within ${Math.max(1, seconds)} s of that of AWS`);
  return actionNeeded(
    `${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of AWS.`,
    'Set the clock: turn on time synchronisation (timedatectl set-ntp true).',
  );
}
