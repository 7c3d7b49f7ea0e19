import { describe, expect, it } from 'vitest';
import { generateTraces } from '../../../src/bench/simulator/generators.ts';
import { policyNames } from '../../../src/bench/simulator/rivals/rivals.ts';
import { simulate } from '../../../src/bench/simulator/simulate.ts';
import { parseTrace } from '../../../src/bench/simulator/trace-file.ts';
import { namedTrace, type Trace, traceNames } from '../../../src/bench/simulator/traces.ts';

const trace = (name: string): Trace => namedTrace(name) as Trace;
const imagesOf = ({ arrivals }: Trace) => arrivals.reduce((sum, { images }) => sum + images, 0);
const options = { max: 100, seed: 7, policy: 'backlog' } as const;

describe('a simulated run', () => {
  it('is the same for the same seed, and different for another', async () => {
    const [one, again, other] = [7, 7, 8].map((seed) => simulate(trace('burst'), { ...options, seed }));
    expect(await again).toEqual(await one);
    expect((await other)?.drainMs).not.toBe((await one)?.drainMs);
  });

  it.each(policyNames)(
    'does every image once with %s, although machines are refused and lost',
    async (policy) => {
      const cluster = { refusedShare: 0.3, lossesPerHour: 40 };
      const result = await simulate(trace('burst'), { ...options, policy, cluster });
      expect(result.imagesDone).toBe(20_000);
      const faultless = await simulate(trace('burst'), { ...options, policy });
      expect(result.launched).toBeGreaterThan(faultless.launched);
    },
  );

  it('is billed for at least a minute per machine', async () => {
    const result = await simulate(trace('seed-20'), { ...options, cluster: { bootMs: 1000, bootSigma: 0 } });
    expect(result.machineMs).toBeGreaterThanOrEqual(60_000);
  });

  it('keeps a machine between images of every 100 s although it boots in 20 s, because another one is billed for a minute', async () => {
    const arrivals = Array.from({ length: 20 }, (_, at) => ({ atMs: 100_000 * at, images: 1 }));
    const { launched } = await simulate({ name: 'steady', what: '', bootMs: 20_000, arrivals }, options);
    expect(launched).toBeLessThanOrEqual(2);
  });

  it('never has more machines than --max', async () => {
    const result = await simulate(trace('burst'), { ...options, max: 2 });
    expect(result.launched).toBe(2);
  });
});

describe('traces', () => {
  it.each(traceNames)('%s is in order of time, and always the same', (name) => {
    const { arrivals } = trace(name);
    expect(arrivals.map(({ atMs }) => atMs)).toEqual(
      arrivals.map(({ atMs }) => atMs).toSorted((a, b) => a - b),
    );
    expect(namedTrace(name)).toEqual(namedTrace(name));
    expect(imagesOf(trace(name))).toBeGreaterThan(0);
  });

  it('at random have each kind in turn, as many as wanted', () => {
    const names = generateTraces(7000, 15).map(({ name }) => name);
    expect(names).toHaveLength(15);
    expect(names.slice(0, 11)).toEqual(generateTraces(7000).map(({ name }) => name));
    expect([names[0], names[11]]).toEqual(['burst-7000', 'burst-7011']);
  });

  it('at random have all kinds of work in order of time, the same for the same seed and others for another', () => {
    const traces = generateTraces(7000);
    expect(generateTraces(7000)).toEqual(traces);
    expect(generateTraces(8000).map(({ arrivals }) => arrivals)).not.toEqual(
      traces.map(({ arrivals }) => arrivals),
    );
    expect(new Set(traces.map(({ name }) => name)).size).toBe(traces.length);
    for (const { arrivals } of traces) {
      const times = arrivals.map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((a, b) => a - b));
      expect(arrivals.every(({ images }) => Number.isInteger(images) && images >= 1)).toBe(true);
    }
  });

  it('choose how long their machines boot', async () => {
    const drainMs = async (bootMs: number) =>
      (await simulate({ ...trace('seed-20'), bootMs }, { ...options, cluster: { bootSigma: 0 } })).drainMs;
    expect((await drainMs(130_000)) - (await drainMs(30_000))).toBeCloseTo(100_000, -4);
  });

  it('are read from lines of seconds and images, in any order', () => {
    const { arrivals } = parseTrace('t.csv', '# mine\r\nseconds,images\n60, 5\n\n0.5,20\n');
    expect(arrivals).toEqual([
      { atMs: 500, images: 20 },
      { atMs: 60_000, images: 5 },
    ]);
  });

  it.each([
    ['', 't.csv has no line "seconds,images"'],
    ['1,2,3', 't.csv, line 1: expected "seconds,images", got "1,2,3"'],
    ['0,20\n-1,5', 't.csv, line 2: "-1" is not a number of seconds from 0 to 31622400'],
    ['0,', 't.csv, line 1: "" is not a whole number of images from 1 to 1000000000'],
    ['0,1.5', 't.csv, line 1: "1.5" is not a whole number of images'],
    ['0,900000000\n1,900000000', 't.csv has 1800000000 images'],
  ])('of %j are refused with the line and the problem', (text, message) => {
    expect(() => parseTrace('t.csv', text)).toThrow(message);
  });
});
