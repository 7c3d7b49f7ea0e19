import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  rssBytes: number;
  peakRssBytes: number;
}

/** The resident memory of all these processes, from /proc. A process that has ended counts as 0. Undefined without /proc. */
export async function readMemory(pids: readonly number[]): Promise<ProcessMemory | undefined> {
  if (process.platform !== 'linux') return undefined;
  const all = await Promise.all(pids.map(readOne));
  const sum = (field: keyof ProcessMemory) => all.reduce((total, one) => total + (one?.[field] ?? 0), 0);
  return { rssBytes: sum('rssBytes'), peakRssBytes: sum('peakRssBytes') };
}

async function readOne(pid: number): Promise<ProcessMemory | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    return { rssBytes: fieldBytes(text, 'VmRSS'), peakRssBytes: fieldBytes(text, 'VmHWM') };
  } catch {
    return undefined;
  }
}

function fieldBytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
