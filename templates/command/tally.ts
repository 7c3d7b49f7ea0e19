/** What `imgcls tally` does. Copy it to src/cli/GROUP/tally.ts. */
import { withRun } from '../../src/cli/run.ts';
import { exitCode } from '../../src/cli/terminal/exit.ts';
import { isError, type Outcome } from '../../src/core/model/outcome.ts';
import { completeJobIds } from '../../src/results/complete-job-id.ts';

export interface TallyOptions {
  top?: number;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls tally`. @returns the exit code. */
export function tally(typed: string, { top, cluster, dataDir }: TallyOptions): Promise<number> {
  return withRun({ cluster, dataDir }, async ({ client, cloud, interrupted }) => {
    const [id = typed] = await completeJobIds(cloud, [typed], interrupted);
    const job = await client.job(id, { signal: interrupted });
    const counted = await countLabels(job.results(interrupted));
    process.stdout.write(tallyText(counted.slice(0, top)));
    return exitCode.done;
  });
}

/** The labels and how many images have each, the most frequent first. */
export async function countLabels(
  outcomes: AsyncIterable<Outcome>,
): Promise<[label: string, images: number][]> {
  const counts = new Map<string, number>();
  for await (const outcome of outcomes) {
    const label = isError(outcome) ? `error: ${outcome.error.code}` : (outcome.labels[0]?.label ?? '');
    counts.set(label, (counts.get(label) ?? 0) + 1);
  }
  return [...counts].sort(([a, most], [b, more]) => more - most || (a < b ? -1 : 1));
}

export const tallyText = (counted: readonly (readonly [string, number])[]): string =>
  counted.map(([label, images]) => `${images}\t${label}\n`).join('');
