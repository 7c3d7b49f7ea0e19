import { describe, expect, it } from 'vitest';
import type { Cloud } from '../../../src/core/cloud/ports.ts';
import type { JobRecord } from '../../../src/core/job/job.ts';
import type { Input } from '../../../src/upload/inputs.ts';
import { MAX_JOB_IMAGES } from '../../../src/upload/plan.ts';
import { uploadImages } from '../../../src/upload/submit.ts';
import { virtualClock } from '../virtual-clock.ts';

describe('an upload', () => {
  it('ends before an index that the key of a shard cannot hold', async () => {
    async function* inputs(): AsyncGenerator<Input> {
      yield { kind: 'file', name: 'a.jpg', path: '/nowhere/a.jpg' } as unknown as Input;
    }
    const upload = uploadImages(inputs(), {
      cloud: { output: {} } as Cloud,
      job: { id: '01ARZ3NDEKTSV4RRFFQ69G5FAV', attempt: 1 } as JobRecord,
      before: { images: MAX_JOB_IMAGES, parts: 976_563 },
      concurrency: 1,
      maxImageBytes: 1,
      clock: virtualClock(),
      random: Math.random,
    });
    await expect(upload).rejects.toMatchObject({
      kind: 'permanent',
      message: expect.stringContaining('1,000,000,000 images'),
      hint: expect.stringContaining('a job of their own'),
    });
  });
});
