import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Run } from './contender.ts';
import { peerFile } from './environments.ts';

export interface Measured {
  /** From the start of the command to its end. */
  wallMs: number;
  /** Processor time of all processes that worked for it; null where it cannot be measured. */
  cpuMs: number | null;
}

const KEPT_CHARACTERS = 4000;

/**
 * Runs a contender once.
 * @param python an interpreter for measure.py.
 * @param folder for what it prints.
 * @throws if the command fails.
 */
export async function measuredRun(
  { command, env, besidePid }: Omit<Run, 'labelsOf' | 'end'>,
  { python, folder }: { python: string; folder: string },
): Promise<Measured & { stdout: string }> {
  const [report, printed] = ['measured.json', 'printed.txt'].map((name) => path.join(folder, name)) as [
    string,
    string,
  ];
  await using output = await open(printed, 'w');
  const child = spawn(python, [peerFile('measure.py'), report, String(besidePid ?? ''), ...command], {
    env,
    stdio: ['ignore', output.fd, 'pipe'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-KEPT_CHARACTERS);
  });
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`${command.join(' ')} ended with code ${code}:\n${stderr}`);
  const measured: Measured = JSON.parse(await readFile(report, 'utf8'));
  return { ...measured, stdout: await readFile(printed, 'utf8') };
}
