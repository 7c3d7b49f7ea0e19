import { describe, expect, it } from 'vitest';
import { BatchService, type BatchServiceOptions } from '../../../src/worker/intake/batch-service.ts';
import { JobTurns } from '../../../src/worker/intake/job-turns.ts';
import { HeldMessage } from '../../../src/worker/messages/held-message.ts';

const ENOUGH = 64;

/** A message of so many images that a worker received and does not finish. */
function heldOf(images: number): HeldMessage {
  const message = {
    id: 'm',
    receipt: 'm',
    body: '',
    groupId: 'job',
    receiveCount: 1,
    sentAtMs: 0,
    waitedMs: 0,
  };
  const held = new HeldMessage(message, { receivedAtMs: 0, turns: new JobTurns() });
  held.parsed({ request: { images: Array(images).fill({}) } } as never);
  return held;
}

function service() {
  const options = {
    tools: {},
    status: { setHasBatches() {}, addMessage() {} },
    maxMessages: 48,
    enoughImages: ENOUGH,
    once: false,
  };
  const batches = new BatchService(options as unknown as BatchServiceOptions);
  const receive = (images: number) => {
    const held = heldOf(images);
    // Its work needs tools that are not here.
    batches.work(held).catch(() => {});
    return held;
  };
  return { batches, receive };
}

describe('the messages that a worker receives', () => {
  it('are one at first, however large it is', () => {
    expect(service().batches.room([])).toBe(1);
  });

  it('are no more while enough images need work, and one more as soon as some are done', () => {
    const { batches, receive } = service();
    const held = receive(64);
    expect(batches.room([held])).toBe(0);
    held.imageDone();
    expect(batches.room([held])).toBe(1);
  });

  it('become more when they are small', () => {
    const { batches, receive } = service();
    const rooms = [1, 1, 1, 1, 1, 1].map((images) => {
      receive(images);
      return batches.room([]);
    });
    expect(rooms).toEqual([2, 4, 8, 16, 32, 48]);
  });

  it('become few at once when they are large again: other workers would lack them', () => {
    const { batches, receive } = service();
    for (let message = 0; message < 6; message++) receive(1);
    receive(64);
    expect(batches.room([])).toBe(1);
    receive(4);
    expect(batches.room([])).toBe(2);
  });
});
