import { existsSync } from 'node:fs';
import type { JobRecord } from '../../core/job/job.ts';
import { chosenJob } from '../jobs/chosen-job.ts';
import { submitInputs } from '../jobs/label.ts';
import { waitAndPrint } from '../jobs/wait.ts';
import type { Output } from '../output/output.ts';
import type { Run } from '../run.ts';
import { notice } from '../terminal/notice.ts';

/** Results are not printed. */
const NOWHERE: Output = { write: async () => {}, finish: async () => {}, close: async () => {} };

/** Whether the words are files and folders, and not the id of a job. */
export const areInputs = (words: readonly string[]): boolean =>
  words.length > 1 || words.some((word) => existsSync(word) || /[/\\*?]|\.\w/.test(word));

/**
 * The job whose labels a command uses: the one that is named, the newest one, or a new one that labels files and folders.
 * Images that were labelled before take no time in it.
 */
export async function targetJob(words: readonly string[], run: Run): Promise<JobRecord> {
  if (areInputs(words)) {
    const { job, waiting } = await submitInputs(words, { wait: true }, { ...run, isFirst: false });
    await waitAndPrint(job, { format: 'lines' }, { ...waiting, output: NOWHERE });
    return await job.record();
  }
  const job = await run.client.job(await chosenJob(words[0], run));
  const record = await job.settled({ signal: run.interrupted });
  if (record.state === 'open' || record.state === 'sealed')
    notice(`Job ${job.id} is not finished. Run the command again for the rest of its labels.`);
  return record;
}
