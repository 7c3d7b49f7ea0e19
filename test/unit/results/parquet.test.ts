import { parquetMetadata, parquetReadObjects } from 'hyparquet';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { type ParquetOptions, parquetExporter } from '../../../src/results/parquet.ts';

const JOB = '01M8BYSTWQCWXX53AA8SQKX0JB';
const cat: Outcome = {
  v: 1,
  index: 0,
  name: 'ünï/=cat.jpg',
  labels: [{ wnid: 'n02123045', label: 'tabby', score: 0.75 }],
  ms: 12.54,
  model: 'resnet50/int8',
  category: { name: 'cat', score: 0.9 },
  warning: 'damaged',
  decodedShare: 0.7,
};
const bad: Outcome = {
  v: 1,
  index: 1,
  name: 'bad.jpg',
  error: { code: 'missing', message: 'No such file.' },
};

/** @returns the parts as they were written, and the file of them. */
function exported(outcomes: Iterable<Outcome>, options: Partial<ParquetOptions> = {}) {
  const exporter = parquetExporter({ job: JOB, ...options });
  const parts = [exporter.begin()];
  for (const outcome of outcomes) parts.push(exporter.row(outcome));
  parts.push(exporter.end());
  const { buffer, byteOffset, byteLength } = Buffer.concat(parts);
  return { parts, file: buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer };
}

describe('results as Parquet', () => {
  it('have the columns of CSV, with numbers and times as such, and nothing where there is no value', async () => {
    const { file } = exported([cat, bad]);
    expect(await parquetReadObjects({ file })).toEqual([
      {
        index: 0,
        name: 'ünï/=cat.jpg',
        label: 'tabby',
        wnid: 'n02123045',
        score: 0.75,
        model: 'resnet50/int8',
        ms: 12.5,
        warning: 'damaged',
        error_code: null,
        error_message: null,
        decoded_share: 0.7,
        source: null,
        category: 'cat',
        category_score: 0.9,
        job: JOB,
        submitted_at: new Date('2026-11-26T12:55:32.503Z'),
      },
      expect.objectContaining({
        index: 1,
        label: null,
        score: null,
        error_code: 'missing',
        error_message: 'No such file.',
      }),
    ]);
    const types = parquetMetadata(file).schema.map(({ name, type }) => [name, type]);
    expect(Object.fromEntries(types)).toMatchObject({
      index: 'INT32',
      score: 'DOUBLE',
      ms: 'DOUBLE',
      decoded_share: 'DOUBLE',
      submitted_at: 'INT64',
    });
  });

  it('say which labels are unsure, if asked', async () => {
    const [row] = await parquetReadObjects({ file: exported([cat], { unsureBelow: 0.8 }).file });
    expect(row).toMatchObject({ unsure: 'yes' });
  });

  it('are a file without rows, of no images', async () => {
    expect(await parquetReadObjects({ file: exported([]).file })).toEqual([]);
  });

  it('are written in row groups: memory does not hold a large job', () => {
    const many = Array.from({ length: 8 }, (_, index) => ({ ...cat, index }));
    const { parts, file } = exported(many, { groupRows: 3 });
    const written = parts.flatMap((part, at) => (part.length > 0 ? [at] : []));
    expect(written).toEqual([0, 3, 6, 9]);
    expect(parquetMetadata(file).row_groups.map(({ num_rows }) => Number(num_rows))).toEqual([3, 3, 2]);
  });
});
