import { Readable } from 'node:stream';
import { ulid } from 'ulid';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/app/system-clock.ts';
import { hasNoWorkers } from '../../../src/cli/jobs/has-no-workers.ts';
import {
  checkOutputFlags,
  type Output,
  type OutputFlags,
  outputFormatOf,
} from '../../../src/cli/output/output.ts';
import { tableOrSummary } from '../../../src/cli/output/summary-exporter.ts';
import { outcomeTable } from '../../../src/cli/output/table-exporter.ts';
import { writeOutcomes } from '../../../src/cli/output/write-outcomes.ts';
import { CONTROLLER_LOCK_KEY, workerStatusKey } from '../../../src/core/job/keys.ts';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { FORMAT } from '../../../src/core/runtime/versioned.ts';
import type { Exporter } from '../../../src/results/export.ts';
import { makeClouds } from '../../contract/local-cloud.ts';

describe('the format of results', () => {
  it.each([
    [{ output: 'labels.csv' }, 'csv'],
    [{ output: 'a.b/labels.JSON' }, 'json'],
    [{ output: 'labels.ndjson' }, 'ndjson'],
    [{ output: 'labels.jsonl' }, 'ndjson'],
    [{ output: 'labels.parquet' }, 'parquet'],
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
    expect(() => checkOutputFlags({ wait: false, level: 'category' })).toThrow(
      'Cannot use --level with --no-wait',
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
    const counts = await writeOutcomes(Readable.from(outcomes), flags, { output, job: ulid() });
    return { text, counts };
  }

  it('have their warnings counted, and as a table marked', async () => {
    const { text, counts } = await written({ format: 'table' }, images);
    expect(counts).toMatchObject({ images: 4, failed: { count: 0 } });
    expect(counts.warnings.texts()).toEqual([
      expect.stringMatching(/^2 images are damaged/),
      expect.stringMatching(/^1 image has one colour/),
    ]);
    expect(text).toContain('image\tlabel\tscore\twarning\n');
    expect(text).toContain('cut.jpg\tespresso\t90.0 %\tdamaged\n');
    expect(text).toContain('white.png\tespresso\t90.0 %\tuniform\n');
  });

  it('are marked where the score is low, with --min-score in every format', async () => {
    const { text: plain } = await written({ format: 'ndjson' }, images);
    expect(plain).not.toContain('unsure');
    const flags = { minScore: 0.95 };
    const { text: lines, counts } = await written({ ...flags, format: 'lines' }, images.slice(0, 1));
    expect(lines).toBe('good.jpg, unsure: espresso\n');
    expect(counts).toMatchObject({ unsure: 1, unsureBelow: 0.95 });
    const { text: json } = await written({ ...flags, format: 'ndjson' }, images.slice(0, 1));
    expect(JSON.parse(json)).toMatchObject({ label: 'espresso', unsure: true });
    const { text: csv } = await written({ ...flags, format: 'csv' }, images.slice(0, 1));
    expect(csv).toMatch(/,unsure\r\n.*,yes\r\n$/);
    const { text: table } = await written({ ...flags, format: 'table' }, images.slice(0, 1));
    expect(table).toContain('good.jpg\tespresso\t90.0 %\tunsure\n');
  });

  it('below 20 % are marked in tables and counted without being asked for', async () => {
    const labels = [{ wnid: 'n07920052', label: 'espresso', score: 0.15 }];
    const guess = { v: FORMAT, index: 0, name: 'good.jpg', ms: 1, model: 'm/int8', labels } satisfies Outcome;
    const { text, counts } = await written({ format: 'table' }, [guess]);
    expect(text).toContain('good.jpg\tespresso\t15.0 %\tunsure\n');
    expect(counts).toMatchObject({ unsure: 1, unsureBelow: 0.2 });
    expect((await written({ format: 'lines' }, [guess])).text).toBe('good.jpg, espresso\n');
  });

  it('are categories with their own scores, with --level category', async () => {
    const categories = { name: 'drink', score: 0.93 };
    const outcomes = images.map((image, at) => (at === 0 ? { ...image, category: categories } : image));
    const flags = { level: 'category', minScore: 0.92 } as const;
    const { text: table, counts } = await written({ ...flags, format: 'table' }, outcomes.slice(0, 2));
    expect(table).toBe('image\tcategory\tscore\twarning\ngood.jpg\tdrink\t93.0 %\t\ncut.jpg\t\t\tdamaged\n');
    expect(counts).toMatchObject({ unsure: 0, withoutCategory: 1 });
    const { text: lines } = await written({ ...flags, format: 'lines' }, outcomes.slice(0, 1));
    expect(lines).toBe('good.jpg, drink\n');
    const { text: json } = await written({ ...flags, format: 'ndjson' }, outcomes.slice(0, 1));
    expect(JSON.parse(json)).toEqual(expect.objectContaining({ label: 'espresso', category: categories }));
    expect(json).not.toContain('unsure');
  });

  it('are those with an error, with --errors, and their reasons', async () => {
    const error = { code: 'not_an_image', message: 'The file is a text.' } as const;
    const failed = { v: FORMAT, index: 4, name: 'notes.jpg', error } satisfies Outcome;
    const { text, counts } = await written({ errors: true }, [...images, failed]);
    expect(text).toBe('image\terror\treason\nnotes.jpg\tnot_an_image\tThe file is a text.\n');
    expect(counts.images).toBe(5);
    expect(counts.failed.report('JOB')).toEqual({
      message: '1 image failed:\n  notes.jpg: The file is a text. (not_an_image)',
      hint: 'Replace or restore the file, then run "imgcls retry JOB".',
    });
    const { counts: web } = await written({ errors: true }, [{ ...failed, name: 'https://example.org/a' }]);
    expect(web.failed.report('JOB').hint).toBe(
      'Open the addresses in a browser to see what they give, then run "imgcls retry JOB".',
    );
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
    expect(counts).toMatchObject({ images: 4, failed: { count: 2 } });
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

describe('results on a terminal', () => {
  const screen = { columns: 60, hasColours: false };
  const options = { unsureBelow: 0.2, level: 'class' } as const;
  const outcome = (index: number, label: string) =>
    ({
      v: FORMAT,
      index,
      name: `${index}.jpg`,
      labels: [{ wnid: 'n07920052', label, score: 0.9 }],
      ms: 1,
      model: 'm/int8',
    }) satisfies Outcome;
  const text = (exporter: Exporter, outcomes: readonly Outcome[]) =>
    [exporter.begin(), ...outcomes.map(exporter.row), exporter.end()].join('');

  it('have a column of warnings only if there are any', () => {
    const one = outcome(0, 'espresso');
    expect(text(outcomeTable(screen, options), [one])).not.toContain('warning');
    expect(text(outcomeTable(screen, { ...options, unsureBelow: 0.95 }), [one])).toMatch(
      /90\.0 % │ unsure +│/,
    );
  });

  it('are a whole table up to 500 images, and a summary of more', () => {
    const outcomes = Array.from({ length: 501 }, (_, index) => outcome(index, index < 3 ? 'tabby' : 'lynx'));
    const few = tableOrSummary(outcomeTable(screen, options), screen, 'class');
    expect(text(few, outcomes.slice(0, 500)).trimEnd().split('\n')).toHaveLength(504);
    expect(few.isSummary()).toBe(false);
    const many = tableOrSummary(outcomeTable(screen, options), screen, 'class');
    expect(text(many, outcomes)).toMatch(/│ lynx +│ +498 │\n│ tabby +│ +3 │\n/);
    expect(many.isSummary()).toBe(true);
  });

  it('are a summary by category if categories are asked for', () => {
    const outcomes = Array.from({ length: 501 }, (_, index) => ({
      ...outcome(index, index < 250 ? 'tabby' : 'Egyptian cat'),
      category: { name: 'cat', score: 0.9 },
    }));
    const byCategory = { ...options, level: 'category' } as const;
    const summary = tableOrSummary(outcomeTable(screen, byCategory), screen, 'category');
    expect(text(summary, outcomes)).toMatch(/│ category +│ images +│\n.*\n│ cat +│ +501 │\n/);
  });

  it('are a table of any length if one is asked for, laid out by its first rows', () => {
    const outcomes = Array.from({ length: 1200 }, (_, index) => outcome(index, 'lynx'));
    const lines = text(outcomeTable(screen, options), outcomes).trimEnd().split('\n');
    expect(lines).toHaveLength(1204);
    expect(new Set(lines.map((line) => line.length)).size).toBe(1);
  });
});
