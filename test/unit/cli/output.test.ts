import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/system-clock.ts';
import { hasNoWorkers } from '../../../src/cli/jobs/has-no-workers.ts';
import { checkOutputFlags, outputFormatOf } from '../../../src/cli/terminal/output.ts';
import { CONTROLLER_LOCK_KEY, workerStatusKey } from '../../../src/core/job/keys.ts';
import { FORMAT } from '../../../src/core/runtime/versioned.ts';
import { makeClouds } from '../../contract/local-cloud.ts';

describe('the format of results', () => {
  it.each([
    [{ output: 'labels.csv' }, 'csv'],
    [{ output: 'a.b/labels.JSON' }, 'json'],
    [{ output: 'labels.ndjson' }, 'ndjson'],
    [{ output: 'labels.txt' }, undefined],
    [{ output: 'csv' }, undefined],
    [{ output: 'labels.csv', format: 'lines' }, 'lines'],
    [{}, undefined],
  ] as const)('of %j is %s', (flags, format) => {
    expect(outputFormatOf(flags)).toBe(format);
  });
  it('is refused with --no-wait, as is a file', () => {
    expect(() => checkOutputFlags({ wait: false, format: 'csv', output: 'o' })).toThrow(
      'Cannot use --format and --output with --no-wait: there are no results yet.',
    );
    expect(() => checkOutputFlags({ wait: false })).not.toThrow();
    expect(() => checkOutputFlags({ wait: true, output: 'o' })).not.toThrow();
  });
});

describe('a cloud without workers', () => {
  it('has neither a controller nor a worker; known for one machine only', async () => {
    const clouds = await makeClouds();
    const cloud = clouds.open();
    try {
      const put = (key: string, value: object) =>
        cloud.output.put(key, new TextEncoder().encode(JSON.stringify({ v: FORMAT, ...value })));
      const minuteLater = { ...systemClock, nowMs: () => Date.now() + 60_000 };
      expect(await hasNoWorkers(cloud, systemClock)).toBe(true);
      expect(await hasNoWorkers({ ...cloud, kind: 'aws' }, systemClock)).toBe(false);

      await put(CONTROLLER_LOCK_KEY, { holder: 'somebody', epoch: 1, renewals: 3 });
      expect(await hasNoWorkers(cloud, systemClock)).toBe(false);
      expect(await hasNoWorkers(cloud, minuteLater), 'its lock is not renewed').toBe(true);
      await cloud.output.delete([CONTROLLER_LOCK_KEY]);

      await put(CONTROLLER_LOCK_KEY, { epoch: 1, renewals: 3 });
      expect(await hasNoWorkers(cloud, systemClock), 'it was released').toBe(true);

      await put(workerStatusKey('one'), {});
      expect(await hasNoWorkers(cloud, systemClock)).toBe(false);

      await cloud.output.put(CONTROLLER_LOCK_KEY, new TextEncoder().encode('not readable'));
      expect(await hasNoWorkers(cloud, minuteLater), 'unknown counts as running').toBe(false);
    } finally {
      await clouds.release();
    }
  });
});
