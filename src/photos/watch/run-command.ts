import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFault } from '../../core/runtime/errors.ts';

/**
 * Runs a program for a photograph: its path is the only argument, and the JSON of its labels comes on standard input. No
 * shell reads either of them.
 * @returns why it failed, or undefined.
 */
export async function runCommand(
  command: string,
  { path, json, signal }: { path: string; json: string; signal: AbortSignal },
): Promise<string | undefined> {
  const child = spawn(command, [path], { stdio: ['pipe', 'inherit', 'inherit'], signal });
  // A program need not read its input.
  child.stdin.on('error', () => {});
  child.stdin.end(`${json}\n`);
  try {
    const [code, killedBy] = await once(child, 'close');
    if (code === 0) return undefined;
    return killedBy === null ? `exit code ${code}` : `ended by ${killedBy}`;
  } catch (error) {
    signal.throwIfAborted();
    const { code } = error as NodeJS.ErrnoException;
    return code === 'ENOENT' ? 'there is no such program' : readFault(error);
  }
}
