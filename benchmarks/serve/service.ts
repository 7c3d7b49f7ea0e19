import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');

export const INSTANT_RUNNER = path.join(root, 'benchmarks', 'children', 'instant-runner.ts');

/** A measured service: `imgcls up` or `serve` in a process of its own. `stop` removes its data folder. */
export interface Service {
  url: string;
  pid: number;
  /** Resident memory now and at its peak, in MiB. */
  memory(): Promise<{ nowMiB: number; peakMiB: number }>;
  openFiles(): Promise<number>;
  /** Processor time so far, in milliseconds. */
  cpuMs(): Promise<number>;
  stop(): Promise<void>;
}

export async function startService(
  dataDir: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Service> {
  const child = spawn(process.execPath, [path.join(root, 'bin', 'imgcls.js'), ...args, '--port', '0'], {
    env: { ...process.env, IMGCLS_DATA_DIR: dataDir, IMGCLS_REQUESTS_PER_MINUTE: '10000000', ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const pid = child.pid ?? 0;
  let stderr = '';
  child.stderr.setEncoding('utf8');
  const url = await new Promise<string>((resolve, reject) => {
    child.stderr.on('data', (text: string) => {
      stderr = (stderr + text).slice(-10_000);
      const found = /Listening on (http:\/\/\S+)/.exec(stderr)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once('exit', () => reject(new Error(stderr)));
  });
  const statusOf = async (name: string) => {
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`${name}:\\s+(\\d+) kB`).exec(status)?.[1]) / 1024;
  };
  return {
    url,
    pid,
    memory: async () => ({ nowMiB: await statusOf('VmRSS'), peakMiB: await statusOf('VmHWM') }),
    openFiles: async () => (await readdir(`/proc/${pid}/fd`)).length,
    async cpuMs() {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? [];
      // /proc counts in hundredths of a second.
      return 10 * (Number(fields[11]) + Number(fields[12]));
    },
    async stop() {
      child.kill('SIGINT');
      await once(child, 'exit');
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

/** The `share`-th quantile. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
}

export const ms = (value: number): string => `${value.toFixed(1)} ms`;

// biome-ignore lint/suspicious/noExplicitAny: answers of the service, whose shapes its own tests check.
export const getJson = async (address: string): Promise<any> => await (await fetch(address)).json();
