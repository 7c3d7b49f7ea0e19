import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EmfMeter } from '../../../src/core/runtime/emf.ts';
import { type MetricName, metrics } from '../../../src/core/runtime/metrics.ts';
import { type EmbeddedMetrics, embeddedMetrics, valuesOf } from './embedded-metric-format.ts';

const NOW = Date.UTC(2026, 10, 26, 8);
const names = Object.keys(metrics) as MetricName[];

function metering() {
  const lines: EmbeddedMetrics[] = [];
  const meter = new EmfMeter({
    cluster: 'blue',
    properties: { worker: 'w-1' },
    nowMs: () => NOW,
    write(line) {
      expect(line).not.toContain('\n');
      lines.push(embeddedMetrics.parse(JSON.parse(line)));
    },
  });
  return { meter, lines };
}

describe('metrics in embedded metric format', () => {
  it('follow the specification, whatever is recorded', () => {
    const record = fc.record({
      name: fc.constantFrom(...names),
      value: fc.oneof(fc.constant(0), fc.double({ min: 1e-9, max: 1e12, noNaN: true })),
      of: fc.option(fc.constantFrom('resnet50/int8', 'truncated', 'request'), { nil: undefined }),
      flush: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(record, { maxLength: 300 }), (records) => {
        const { meter, lines } = metering();
        for (const { name, value, of, flush } of records) {
          meter.record(name, value, of);
          if (flush) meter.flush();
        }
        meter.flush();
        const told = lines.flatMap(({ _aws }) => _aws.CloudWatchMetrics.flatMap(({ Metrics }) => Metrics));
        expect(new Set(told.map(({ Name }) => Name))).toEqual(new Set(records.map(({ name }) => name)));
      }),
    );
  });

  it('have the cluster and their own dimension, and a timestamp', () => {
    const { meter, lines } = metering();
    meter.record('ImagesClassified', 16, 'resnet50/int8');
    meter.record('InferenceMs', 10.5, 'resnet50/int8');
    meter.record('RunnerRestarts', 1);
    meter.flush();
    expect(lines).toEqual([
      {
        _aws: {
          Timestamp: NOW,
          CloudWatchMetrics: [
            {
              Namespace: 'imgcls',
              Dimensions: [['Cluster'], ['Cluster', 'Model']],
              Metrics: [
                { Name: 'ImagesClassified', Unit: 'Count' },
                { Name: 'InferenceMs', Unit: 'Milliseconds' },
              ],
            },
          ],
        },
        time: '2026-11-26T08:00:00.000Z',
        worker: 'w-1',
        Cluster: 'blue',
        Model: 'resnet50/int8',
        ImagesClassified: [16],
        InferenceMs: [10.5],
      },
      expect.objectContaining({
        _aws: expect.objectContaining({
          CloudWatchMetrics: [expect.objectContaining({ Dimensions: [['Cluster']] })],
        }),
        RunnerRestarts: [1],
      }),
    ]);
  });

  it('lose no value with a limit of 100 per line, and keep no more in memory', () => {
    const { meter, lines } = metering();
    for (let value = 0; value < 250; value++) meter.record('BatchLatencyMs', value, 'request');
    expect(lines).toHaveLength(2);
    meter.flush();
    expect(valuesOf(lines, 'BatchLatencyMs')).toEqual(Array.from({ length: 250 }, (_, value) => value));
  });

  it('are summed if their kind is sum', () => {
    const { meter, lines } = metering();
    for (let image = 0; image < 1000; image++)
      meter.record('ImageErrors', 1, image % 4 === 0 ? 'missing' : 'truncated');
    meter.flush();
    expect(valuesOf(lines, 'ImageErrors', { Code: 'missing' })).toEqual([250]);
    expect(valuesOf(lines, 'ImageErrors', { Code: 'truncated' })).toEqual([750]);
  });

  it('have few dimension values, however many models there are', () => {
    const { meter, lines } = metering();
    for (let model = 0; model < 1000; model++) {
      meter.record('ImagesClassified', 1, `model-${model}/int8`);
      if (model % 10 === 0) meter.flush();
    }
    meter.flush();
    expect(new Set(lines.map(({ Model }) => Model)).size).toBeLessThanOrEqual(21);
    expect(
      valuesOf(lines, 'ImagesClassified', { Model: 'other' }).reduce((sum, images) => sum + images),
    ).toBe(980);
  });

  it('are not written when there are none', () => {
    const { meter, lines } = metering();
    meter.record('Launches', 1);
    meter.flush();
    meter.flush();
    expect(lines).toHaveLength(1);
  });
});

describe('the checker of the format', () => {
  const good = {
    _aws: {
      Timestamp: 1,
      CloudWatchMetrics: [
        { Namespace: 'n', Dimensions: [['Cluster']], Metrics: [{ Name: 'm', Unit: 'Count' }] },
      ],
    },
    Cluster: 'c',
    m: [1, 2],
  };
  const [directive] = good._aws.CloudWatchMetrics;
  const changed = (change: object) => ({
    ...good,
    _aws: { Timestamp: 1, CloudWatchMetrics: [{ ...directive, ...change }] },
  });

  it.each([
    ['a good line', true, good],
    ['a metric that is not there', false, { ...good, m: undefined }],
    ['a metric in words', false, { ...good, m: '1' }],
    ['too many values', false, { ...good, m: Array(101).fill(1) }],
    ['a dimension that is a number', false, { ...good, Cluster: 7 }],
    ['an unknown unit', false, changed({ Metrics: [{ Name: 'm', Unit: 'Images' }] })],
    ['no dimension set', false, changed({ Dimensions: [] })],
    ['no time', false, { ...good, _aws: { CloudWatchMetrics: [directive] } }],
  ])('judges %s', (_what, isGood, line) => {
    expect(embeddedMetrics.safeParse(line).success).toBe(isGood);
  });
});
