import { readFile } from 'node:fs/promises';

export interface ProcessMemory {
  rssBytes: number;
  peakRssBytes: number;
}

/** Resident memory of these processes together, from /proc; processes that are gone count nothing. Undefined where there is no /proc. */
export async function readMemory(pids: readonly number[]): Promise<ProcessMemory | undefined> {
  if (process.platform !== 'linux') return undefined;
  const all = await Promise.all(pids.map(readOne));
  const sum = (field: keyof ProcessMemory) => all.reduce((total, one) => total + (one?.[field] ?? 0), 0);
  return { rssBytes: sum('rssBytes'), peakRssBytes: sum('peakRssBytes') };
}

async function readOne(pid: number): Promise<ProcessMemory | undefined> {
  try {
    const text = await readFile(`/proc/${pid}/status`, 'utf8');
    return { rssBytes: kibibytes(text, 'VmRSS'), peakRssBytes: kibibytes(text, 'VmHWM') };
  } catch {
    return undefined;
  }
}

function kibibytes(status: string, field: string): number {
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * 1024;
}
