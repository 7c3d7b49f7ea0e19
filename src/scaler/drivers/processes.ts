/** Looks up processes that may not be our children, and signals them. */
import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { ImgclsError } from '../../core/runtime/errors.ts';
import type { KnownProcesses, LocatedProcess } from '../../core/runtime/located-process.ts';

/** Identifies a process: the system reuses process ids, but not together with the start time. */
export type ProcessIdentity = Pick<LocatedProcess, 'pid' | 'startTicks'>;

/** Only Linux has process files under /proc. */
const hasProc = process.platform === 'linux';
/** Fields of `/proc/<pid>/stat`, counted after the command: state and start time. */
const STATE = 0;
const START_TICKS = 19;

/** For a process that exists now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startTicks: readStat(pid)?.[START_TICKS] };
}

/** Whether that same process still runs. Without /proc only its id is compared. */
export function isAlive({ pid, startTicks }: ProcessIdentity): boolean {
  if (!hasProc) return send(pid, 0);
  const stat = readStat(pid);
  // A zombie (Z) has ended, but its parent has not waited for it yet.
  if (stat === undefined || stat[STATE] === 'Z' || stat[STATE] === 'X') return false;
  return startTicks === undefined || stat[START_TICKS] === startTicks;
}

/** Undefined if it cannot be determined in which namespace our process id is valid. */
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
    if (!exists(identity.pid)) return true;
    return hasProc && readStat(identity.pid) !== undefined && !isAlive(identity);
  } catch {
    return false;
  }
}

/** Equal for processes that see the same process ids and start times. Containers have their own. */
function machineOfIds(): string {
  if (!hasProc) return hostname();
  if (readlinkSync('/proc/self') !== String(process.pid))
    throw new Error('/proc is of another PID namespace.');
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  // Kernels before 5.6 have no time namespaces.
  const namespaces = ['pid', 'time']
    .map((kind) => `/proc/self/ns/${kind}`)
    .filter((link) => existsSync(link));
  return [hostname(), boot, ...namespaces.map((link) => readlinkSync(link))].join(' ');
}

/** True also for a process of another user. */
function exists(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/** Whether the process is alive and, if /proc shows it, has this argument. */
export function isCalledWith(pid: number, argument: string): boolean {
  if (!isAlive({ pid })) return false;
  return !hasProc || (read(pid, 'cmdline')?.split('\0').includes(argument) ?? false);
}

/** @returns false if there is no such process, or it is another user's. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** Kills a worker and its model runners, which may hang in native code. */
export function kill(pid: number): void {
  send(pid, 'SIGKILL');
  // A worker leads its own process group.
  send(-pid, 'SIGKILL');
}

/** The command may contain any character, so the fields start after the last parenthesis. */
function readStat(pid: number): string[] | undefined {
  const stat = read(pid, 'stat');
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Undefined if there is no such process. @throws {ImgclsError} if that cannot be determined. */
function read(pid: number, name: 'stat' | 'cmdline'): string | undefined {
  if (!hasProc) return undefined;
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw new ImgclsError('transient', `Could not check whether process ${pid} runs (${code}).`, {
      cause,
    });
  }
}
