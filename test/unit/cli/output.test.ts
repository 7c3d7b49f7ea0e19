import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/system-clock.ts';
import { hasNoWorkers } from '../../../src/cli/jobs/has-no-workers.ts';
import {
  checkOutputFlags,
  type Output,
  type OutputFlags,
  outputFormatOf,
  writeOutcomes,
} from '../../../src/cli/terminal/output.ts';
import { CONTROLLER_LOCK_KEY, workerStatusKey } from '../../../src/core/job/keys.ts';
import type { Outcome } from '../../../src/core/model/outcome.ts';
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
    expect(() => checkOutputFlags({ wait: false, strict: true })).toThrow(
      'Cannot use --strict with --no-wait',
    );
    expect(() => checkOutputFlags({ wait: false })).not.toThrow();
    expect(() => checkOutputFlags({ wait: true, output: 'o' })).not.toThrow();
  });
});

describe('the outcomes that are written', () => {
  const prediction = {
    labels: [{ wnid: 'n07920052', label: 'espresso', score: 0.9 }],
    ms: 1,
    model: 'm/int8',
  };
  const images = [
    { v: FORMAT, index: 0, name: 'good.jpg', ...prediction },
    { v: FORMAT, index: 1, name: 'cut.jpg', ...prediction, warning: 'damaged', decodedShare: 0.7 },
    { v: FORMAT, index: 2, name: 'flipped.jpg', ...prediction, warning: 'damaged' },
    { v: FORMAT, index: 3, name: 'white.png', ...prediction, warning: 'uniform' },
  ] satisfies Outcome[];

  async function written(flags: OutputFlags, outcomes: readonly Outcome[]) {
    let text = '';
    const output: Output = {
      write: async (part) => {
        text += part;
      },
      finish: async () => {},
      close: async () => {},
    };
    const counts = await writeOutcomes(Readable.from(outcomes), flags, output);
    return { text, counts };
  }

  it('have their warnings counted, and as a table marked', async () => {
    const { text, counts } = await written({ format: 'table' }, images);
    expect(counts).toMatchObject({ images: 4, errors: 0 });
    expect(counts.warnings.texts()).toEqual([
      expect.stringMatching(/^2 images are damaged/),
      expect.stringMatching(/^1 image has one colour/),
    ]);
    expect(text).toMatch(/│ cut.jpg +│ espresso │ 90\.0 % │ damaged +│/);
    expect(text).toMatch(/│ white.png +│ espresso │ 90\.0 % │ uniform +│/);
  });

  it('have no column of warnings if there are none', async () => {
    const { text } = await written({ format: 'table' }, images.slice(0, 1));
    expect(text).not.toContain('warning');
  });

  it('have an error and no label for each damaged image with --strict', async () => {
    const { text, counts } = await written({ format: 'ndjson', strict: true }, images);
    const rows = text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(rows.map(({ label }) => label)).toEqual(['espresso', undefined, undefined, 'espresso']);
    expect(rows[1].error).toEqual({
      code: 'truncated',
      message: 'The image is damaged. 70 % of its rows could be decoded.',
    });
    expect(rows[2].error.message).toBe('The image is damaged. A part of its data is wrong.');
    expect(counts).toMatchObject({ images: 4, errors: 2 });
    expect(counts.warnings.texts()).toHaveLength(1);
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
