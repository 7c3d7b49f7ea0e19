import { systemClock } from '../../app/system-clock.ts';
import { duration } from '../../core/text/duration.ts';
import { completeJobId, newestJobId } from '../../results/complete-job-id.ts';
import { readFirstImage } from '../../results/first-images.ts';
import { requireJob } from '../../results/job-facts.ts';
import type { Run } from '../run.ts';
import { notice } from '../terminal/notice.ts';
import { inputsText } from './job-words.ts';

/** The job that is named, or the newest one. */
export async function chosenJob(
  typed: string | undefined,
  { cloud, interrupted }: Pick<Run, 'cloud' | 'interrupted'>,
): Promise<string> {
  if (typed !== undefined) return await completeJobId(cloud, typed, interrupted);
  const id = await newestJobId(cloud.output, interrupted);
  const facts = await requireJob(cloud, id, interrupted);
  const { inputs = [], total, createdAtMs } = facts;
  const firstImage = await readFirstImage(cloud.output, facts, interrupted);
  const age = duration(Math.max(0, systemClock.nowMs() - createdAtMs));
  notice(`Job ${id}: ${inputsText({ inputs, firstImage, total })}, ${age} ago.`);
  return id;
}
