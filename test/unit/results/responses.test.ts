import { expect, it } from 'vitest';
import type { Queue } from '../../../src/core/cloud/ports.ts';
import { ResponseListener } from '../../../src/results/responses.ts';
import { virtualClock } from '../virtual-clock.ts';

it('a waiter that is closed does not wait for a service that leaves its acknowledgement unanswered', async () => {
  const acknowledging = Promise.withResolvers<void>();
  const silent = {
    receive: async () => [{ receipt: 'r', body: '' }],
    delete() {
      acknowledging.resolve();
      return new Promise(() => {});
    },
  } as unknown as Queue;
  const listener = new ResponseListener({ responses: silent, clock: virtualClock(0) });
  const received = listener.receive();
  await acknowledging.promise;
  listener.close();
  expect(await received).toEqual([]);
});
