import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The duration of an `imgcls label` from its start to its end, milliseconds.
 * @throws unless each of `count` photographs has a label and no error.
 */
export async function measuredUpload(
  bin: string,
  photographs: string,
  { count, env }: { count: number; env: NodeJS.ProcessEnv & { IMGCLS_DATA_DIR: string } },
): Promise<number> {
  const output = path.join(env.IMGCLS_DATA_DIR, 'benchmarked.ndjson');
  const startMs = performance.now();
  await run(process.execPath, [bin, 'upload', photographs, '--fresh', '--output', output], { env });
  const tookMs = performance.now() - startMs;
  const outcomes = (await readFile(output, 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
  const names = new Set(outcomes.filter(({ error }) => error === undefined).map(({ name }) => name));
  if (outcomes.length !== count || names.size !== count)
    throw new Error(`Only ${names.size} of ${count} photographs have a label.`);
  return tookMs;
}
