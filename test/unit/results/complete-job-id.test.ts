import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import { createJob } from '../../../src/core/job/job-record.ts';
import { FORMAT } from '../../../src/core/runtime/versioned.ts';
import { completeJobId, newestJobId } from '../../../src/results/complete-job-id.ts';
import { makeClouds, type TestClouds } from '../../contract/local-cloud.ts';

const OLD = '01M8NW9P7W353DDQK1X2DYFTSS';
const NEW = '01M8NXP0VN2CMAQX9QXF1PP0AF';

describe('the id of a job', () => {
  let clouds: TestClouds;
  let cloud: Cloud;
  beforeAll(async () => {
    clouds = await makeClouds();
    cloud = clouds.open();
  });
  afterAll(() => clouds.release());

  it('has no newest one before there is a job', async () => {
    await expect(newestJobId(cloud.output)).rejects.toMatchObject({ kind: 'usage' });
  });

  it('is completed from its first letters in any case, if they are those of one job', async () => {
    for (const id of [OLD, NEW])
      await createJob(cloud.output, {
        v: FORMAT,
        id,
        state: 'open',
        createdAtMs: 0,
        inputs: [],
        include: [],
        exclude: [],
        topK: 5,
        model: { name: 'm', version: '1', variant: 'fp32', sha256: 'a'.repeat(64) },
      });
    const complete = (typed: string) => completeJobId(cloud, typed);
    expect(await complete('01M8NX')).toBe(NEW);
    expect(await complete('01m8nw')).toBe(OLD);
    expect(await complete(OLD.toLowerCase())).toBe(OLD);
    expect(await complete('drop-2026-11-30')).toBe('drop-2026-11-30');
    await expect(complete('01M8N')).rejects.toMatchObject({
      kind: 'usage',
      message: '2 jobs begin with 01M8N.',
      hint: `Type more letters: ${NEW}, ${OLD}`,
    });
    for (const unknown of ['01M8NZ', '01', 'nosuch', '../x'])
      await expect(complete(unknown)).rejects.toThrow(`No job ${unknown} in cluster`);
    expect(await newestJobId(cloud.output)).toBe(NEW);
  });
});
