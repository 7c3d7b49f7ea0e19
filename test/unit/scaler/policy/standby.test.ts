import { describe, expect, it } from 'vitest';
import type { Decision } from '../../../../src/scaler/policy/policy.ts';
import { ScalingHistory } from '../../../../src/scaler/policy/scaling-history.ts';
import { isWorkExpected } from '../../../../src/scaler/policy/standby.ts';
import type { Snapshot } from '../../../../src/scaler/snapshot.ts';

const measured = { imagesPerSecond: 10, bootMs: 70_000 };
const sight = (messages: number, throughputImagesPerSecond = 0): Snapshot => ({
  backlog: { waiting: messages, inFlight: 0, delayed: 0, images: 16 * messages },
  machines: [],
  jobs: [],
  measured,
  throughputImagesPerSecond,
});
const quiet = { sinceLaunchMs: undefined, recentlyNeeded: 0 };

describe('a machine that waits for work', () => {
  it('stays for eight boots where work has come every minute', () => {
    const history = { ...quiet, pausesMs: [60_000, 50_000, 70_000] };
    expect(isWorkExpected({ ...history, sinceWorkMs: 559_000 }, measured)).toBe(true);
    expect(isWorkExpected({ ...history, sinceWorkMs: 560_000 }, measured)).toBe(false);
  });
  it('goes after work that came once', () => {
    expect(isWorkExpected({ ...quiet, pausesMs: [], sinceWorkMs: 1000 }, measured)).toBe(false);
  });
  it('goes where work usually comes back later than a new one would be worth', () => {
    const history = { ...quiet, pausesMs: [60_000, 1_800_000, 3_600_000], sinceWorkMs: 1000 };
    expect(isWorkExpected(history, measured)).toBe(false);
  });
});

describe('the memory of a controller', () => {
  it('knows the pauses between arrivals, seen as more messages', () => {
    const memory = new ScalingHistory();
    [1, 1, 0, 0, 0, 0, 1].forEach((messages, at) => void memory.look(sight(messages), 10_000 * at));
    expect(memory.recall(65_000)).toMatchObject({ pausesMs: [60_000], sinceWorkMs: 5000 });
  });
  it('sees work that came and was done between two looks by what the fleet did', () => {
    const memory = new ScalingHistory();
    [0, 0.1, 0.1, 0, 0, 0, 0.1].forEach((rate, at) => void memory.look(sight(0, rate), 10_000 * at));
    expect(memory.recall(60_000)).toMatchObject({ pausesMs: [50_000], sinceWorkMs: 0 });
  });
  it('takes a queue that cannot be read for neither work nor a pause', () => {
    const memory = new ScalingHistory();
    memory.look(sight(1), 0);
    memory.look({ ...sight(0), backlog: { unknown: 'throttled' } }, 30_000);
    memory.look(sight(1), 60_000);
    expect(memory.recall(60_000)).toMatchObject({ pausesMs: [], sinceWorkMs: 60_000 });
  });
  it('keeps what was needed for half a minute', () => {
    const memory = new ScalingHistory();
    memory.note({ needed: 5 } as Decision, 0);
    memory.note({ needed: 2 } as Decision, 20_000);
    expect(memory.recall(25_000).recentlyNeeded).toBe(5);
    expect(memory.recall(35_000).recentlyNeeded).toBe(2);
  });
});
