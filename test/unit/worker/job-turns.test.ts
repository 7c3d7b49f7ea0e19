import { describe, expect, it } from 'vitest';
import { JobTurns } from '../../../src/worker/intake/job-turns.ts';

describe('the turns of the jobs of a worker', () => {
  it('are in the order of the messages, while there is one job', () => {
    const turns = new JobTurns();
    expect([turns.take('large', 4), turns.take('large', 4), turns.take('large', 1)]).toEqual([1, 5, 9]);
  });

  it('of a small job come between those of a large one', () => {
    const turns = new JobTurns();
    turns.take('large', 4);
    turns.take('large', 4);
    turns.serve(2);
    expect([turns.take('small', 1), turns.take('small', 1)]).toEqual([3, 4]);
    expect(turns.take('large', 4)).toBe(9);
  });

  it('of a job that returns begin now: it has saved none', () => {
    const turns = new JobTurns();
    turns.take('early', 1);
    for (let message = 0; message < 10; message++) turns.serve(turns.take('other', 4));
    expect(turns.take('early', 1)).toBe(38);
  });
});
