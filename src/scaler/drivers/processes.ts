/** Questions to the system about processes that may not be our children, and signals to them. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { LocatedProcess } from '../../core/fleet/fleet.ts';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { KnownProcesses } from '../lock.ts';

/** Names a process for good: ids of processes are given to others again, start times are not. */
export type ProcessIdentity = Pick<LocatedProcess, 'pid' | 'startTicks'>;

/** Only there does the system show its processes as files. */
const showsProcesses = process.platform === 'linux';
/** State and start time in `/proc/<pid>/stat`, counted behind the command. */
const STATE = 0;
const START_TICKS = 19;

/** Of a process that is there now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.[START_TICKS] };
}

/** Whether that very process is still there. Where the system does not tell start times, its id has to do. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  if (!showsProcesses) return send(pid, 0);
  const stat = readStat(pid);
  // One that ended and was not waited for yet is a zombie.
  if (stat === undefined || stat[STATE] === 'Z' || stat[STATE] === 'X') return false;
  return startTicks === undefined || stat[START_TICKS] === startTicks;
}

/** Undefined where it cannot be told what our id means to others. */
export function processesOfThisMachine(): KnownProcesses | undefined {
  try {
    const own = { machine: machineOfIds(), ...identify(process.pid) };
    return { own, hasEnded: (other) => other.machine === own.machine && hasCertainlyEnded(other) };
  } catch {
    return undefined;
  }
}

function hasCertainlyEnded(identity: ProcessIdentity): boolean {
  try {
    if (!isThere(identity.pid)) return true;
    return showsProcesses && readStat(identity.pid) !== undefined && !isAlive(identity);
  } catch {
    return false;
  }
}

/** The same wherever ids and start times of processes mean the same. Containers number and time theirs on their own. */
function machineOfIds(): string {
  if (!showsProcesses) return hostname();
  if (readlinkSync('/proc/self') !== String(process.pid)) throw new Error('/proc shows processes of others.');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  // Kernels before 5.6 have no namespaces of time.
  const namespaces = ['pid', 'time']
    .map((kind) => `/proc/self/ns/${kind}`)
    .filter((link) => existsSync(link));
  return [hostname(), boot, ...namespaces.map((link) => readlinkSync(link))].join(' ');
}

/** Also where it is another user's. */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Whether it is alive and, where the system shows that, was called with this argument. */
export function isCalledWith(pid: number, argument: string): boolean {
  if (!isAlive({ pid })) return false;
  return !showsProcesses || (read(pid, 'cmdline')?.split('\0').includes(argument) ?? false);
}

/** @returns false when there is no such process (any more), or it is not ours. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Ends it at once, and what it has started: its model runners may hang in native code. */
export function kill(pid: number): void {
  send(pid, 'SIGKILL');
  // A worker leads a process group of its own.
  send(-pid, 'SIGKILL');
}

/** The command, which may hold anything, ends with the last parenthesis. */
function readStat(pid: number): string[] | undefined {
  const stat = read(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined where there is no such process. @throws {ImgclsError} when that cannot be told. */
function read(pid: number, name: 'stat' | 'cmdline'): string | undefined {
  if (!showsProcesses) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw new ImgclsError('transient', `Whether process ${pid} is there cannot be read (${code}).`, {
      cause,
    });
  }
}
