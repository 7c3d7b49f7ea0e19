/** Questions to the system about processes that may not be our children. */
import { readFile } from 'node:fs/promises';

/** @returns false when there is no such process. */
export function send(pid: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}

/** The 22nd field of `/proc/<pid>/stat`; the command, which may hold anything, ends with the last parenthesis. */
const START_FIELD_AFTER_COMMAND = 19;

/**
 * When the process started, in ticks since the system did: with its id it names a process for good. Undefined where the
 * system does not tell, or there is no such process.
 */
export async function startTicks(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return fields[0] === 'Z' ? undefined : fields[START_FIELD_AFTER_COMMAND];
}

/**
 * Whether the process is there and a worker. Its id may have been given to another program since: where the system
 * shows command lines, ours says `worker`, and one that has ended without being waited for says nothing.
 */
export async function isWorker(pid: number): Promise<boolean> {
  if (!send(pid, 0)) return false;
  if (process.platform !== 'linux') return true;
  const commandLine = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '');
  return commandLine.split('\0').includes('worker');
}
