import { describe, expect, it } from 'vitest';
import { RefusedLaunches } from '../../../src/app/refused-launches.ts';

const refused = { started: [], retryable: { count: 1, why: 'a worker could not be started: spawn EMFILE' } };

describe('a wait for which no worker can be started', () => {
  it('ends with the reason after a minute in which all launches were refused', () => {
    const launches = new RefusedLaunches();
    for (let atMs = 0; atMs < 60_000; atMs += 1000) expect(launches.note(refused, atMs)).toBeUndefined();
    expect(launches.note(refused, 60_000)).toMatchObject({
      kind: 'transient',
      message: 'Cannot start a worker for 60 s: a worker could not be started: spawn EMFILE.',
      hint: expect.stringContaining('ulimit -n'),
    });
  });

  it.each([
    ['a worker was started', { started: ['w-1'] }],
    ['no worker was needed', undefined],
  ])('goes on if %s meanwhile', (_, answer) => {
    const launches = new RefusedLaunches();
    launches.note(refused, 0);
    launches.note(answer, 30_000);
    expect(launches.note(refused, 60_000)).toBeUndefined();
  });
});
