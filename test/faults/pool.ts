import path from 'node:path';
import { type Sample, writePool } from './inputs.ts';
import { Processes } from './processes.ts';

/** The files that runs take theirs from, and what becomes of each where nothing fails. */
export interface Pool {
  folder: string;
  samples: readonly Sample[];
  /** Labels by file. */
  labels: ReadonlyMap<string, string>;
}

/** Writes the files below `folder`, and has `imgcls` classify them in a run without faults. */
export async function openPool(folder: string, bin: string): Promise<Pool> {
  const photos = path.join(folder, 'photos');
  const samples = await writePool(photos);
  const processes = new Processes({ bin, dataDir: folder, cwd: folder, env: {} });
  try {
    const { stdout, stderr } = await processes.calmly('upload', 'photos', '--format', 'ndjson');
    const outcomes = stdout.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line)]));
    const labels = new Map(
      outcomes.flatMap(({ name, label }) => (label === undefined ? [] : [[name, label]])),
    );
    const unlike = samples.filter(({ file, code }) => labels.has(file) !== (code === undefined));
    if (unlike.length > 0)
      throw new Error(
        `Without faults, ${unlike.map(({ file }) => file).join(', ')}: not as expected. ${stderr}`,
      );
    return { folder: photos, samples, labels };
  } finally {
    await processes.end();
  }
}
