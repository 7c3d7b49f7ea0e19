import { describe, expect, it } from 'vitest';
import { inputsText, stateWord } from '../../../src/cli/jobs/job-words.ts';
import { jobsText } from '../../../src/cli/jobs/jobs-text.ts';
import type { DescribedJob } from '../../../src/results/first-images.ts';

const JOB = '01M8NW9P7W353DDQK1X2DYFTSS';
const job: DescribedJob = {
  id: JOB,
  trace: undefined,
  attempt: 1,
  state: 'sealed',
  createdAtMs: 0,
  done: 3,
  total: 5,
  errors: 1,
  inputs: ['photos/'],
  inputCount: 1,
};

describe('the state of a job', () => {
  it.each([
    [{ state: 'open' }, 'uploading'],
    [{ state: 'open', interrupted: true }, 'interrupted'],
    [{ state: 'sealed' }, 'running'],
    [{ state: 'sealed', done: 5 }, 'done'],
    [{ state: 'finished' }, 'done'],
    [{ state: 'cancelled' }, 'cancelled'],
    [{ state: 'open', id: 'drop-2026-11-30' }, 'open'],
  ] as const)('with %j is %s', (facts, word) => {
    expect(stateWord({ ...job, ...facts })).toBe(word);
  });
});

describe('the inputs of a job', () => {
  it('are the first one, how many more, or its first image', () => {
    expect(inputsText(job)).toBe('photos/');
    expect(inputsText({ inputs: ['a.jpg', 'b.jpg'], inputCount: 60 })).toBe('a.jpg and 59 more');
    expect(inputsText({ inputs: ['-'], firstImage: 'cats/a.jpg' })).toBe('cats/a.jpg, ...');
    const sent = { inputs: ['-'], firstImage: 'cats/a.jpg' };
    expect(inputsText({ ...sent, total: 60 })).toBe('cats/a.jpg and 59 more');
    expect(inputsText({ ...sent, total: 1 })).toBe('cats/a.jpg');
    expect(inputsText({})).toBe('-');
  });
});

describe('the list of jobs', () => {
  const text = (columns: number) =>
    jobsText([job], { nowMs: 60_000, screen: { columns, hasColours: false } });

  it('has what tells jobs apart at any width, and the whole id', () => {
    expect(text(68)).toMatch(/^job +state +done +errors +age +inputs\n/);
    expect(text(68)).toMatch(new RegExp(`${JOB}  running  3 of 5  1 +60 s  photos/`));
    expect(text(200)).toMatch(/started +inputs\n/);
    expect(text(40)).toMatch(new RegExp(`^${JOB}  3 of 5$`, 'm'));
  });

  it('has all columns for a program, the first ones in their old order', () => {
    const [head = '', row = ''] = jobsText([job], { nowMs: 60_000, screen: undefined }).split('\n');
    expect(head).toBe('job\tstate\tdone\terrors\tage\timages/s\tleft\tcost\tstarted\tinputs');
    expect(row.split('\t').slice(0, 5)).toEqual([JOB, 'running', '3 of 5', '1', '60 s']);
  });
});
