import { describe, expect, it } from 'vitest';
import type { Queue, ReceivedMessage } from '../../../src/core/cloud/ports.ts';
import { Liveness } from '../../../src/core/fleet/liveness.ts';
import { ImgclsError } from '../../../src/core/runtime/errors.ts';
import { noLog } from '../../../src/core/runtime/log.ts';
import { noMeter } from '../../../src/core/runtime/metrics.ts';
import { Intake } from '../../../src/worker/intake/intake.ts';
import { Workload } from '../../../src/worker/intake/workload.ts';
import { Stop } from '../../../src/worker/lifecycle/stop.ts';
import type { MessageResult } from '../../../src/worker/messages/handle-message.ts';
import { SteppingClock } from './stepping-clock.ts';

const ROOM = 8;
const DONE: MessageResult = { kind: 'done', job: 'j', written: [] };
const outage = () => new ImgclsError('transient', 'The store is down.');
const FAILED: MessageResult = { kind: 'failed', error: outage() };

/** An intake whose queue always has messages. The test decides the result of each receive and each message. */
function start({
  receive = () => {},
  work = () => DONE,
}: {
  receive?: (count: number) => void;
  work?: (count: number) => MessageResult;
}) {
  const clock = new SteppingClock();
  const stop = new Stop();
  const receives: { atMs: number; max: number }[] = [];
  const queue = {
    name: 'requests',
    async receive({ max }: { max: number }): Promise<ReceivedMessage[]> {
      // Stop an intake that never pauses: it would never let the virtual clock advance.
      if (receives.length === 100) stop.because('drained');
      receives.push({ atMs: clock.monotonicMs(), max });
      receive(receives.length);
      const id = String(receives.length);
      return [{ id, receipt: id, body: '', groupId: undefined, receiveCount: 1, sentAtMs: 0, waitedMs: 0 }];
    },
  } as unknown as Queue;
  let worked = 0;
  const service = {
    room: (held: readonly unknown[]) => ROOM - held.length,
    waitMs: () => 0,
    work: async () => work(++worked),
    onEmptyReceive() {},
    onReceiveError() {},
  };
  const workload = new Workload({
    stop,
    status: { setState() {}, reached() {}, addNewerMessage() {} },
    clock,
    log: noLog,
  });
  const tools = {
    queue,
    queueTitle: 'request',
    leases: { hold() {} } as never,
    clock,
    random: () => 1,
    log: noLog,
    meter: noMeter,
  };
  const intake = new Intake({
    tools,
    leaseMs: 1000,
    service,
    workload,
    stop,
    force: new AbortController().signal,
    liveness: new Liveness(clock),
  });
  return { clock, stop, receives, ended: intake.run() };
}

/** The pause before each receive but the first. */
const pausesMs = (receives: readonly { atMs: number }[]) =>
  receives.slice(1).map(({ atMs }, at) => atMs - (receives[at]?.atMs ?? 0));

describe('a worker whose messages fail with transient errors', () => {
  it('receives one message at a time, after growing pauses of up to 20 s', async () => {
    const { clock, stop, receives, ended } = start({ work: () => FAILED });
    await clock.advance(71_500);
    expect(pausesMs(receives)).toEqual([500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]);
    expect(receives.slice(1).map(({ max }) => max)).toEqual(Array(8).fill(1));
    stop.because('drained');
    await ended;
  });

  it('receives without pauses again once a message succeeds', async () => {
    const { clock, stop, receives, ended } = start({
      work: (count) => {
        if (count < 4) return FAILED;
        if (count === 10) stop.because('drained');
        return DONE;
      },
    });
    await clock.advance(60_000);
    await ended;
    expect(pausesMs(receives)).toEqual([500, 1000, 2000, 0, 0, 0, 0, 0, 0]);
    expect(receives.at(-1)?.max).toBeGreaterThan(1);
  });
});

describe('a worker whose receives fail with transient errors', () => {
  it('pauses longer after each, and receives without pauses again once a message succeeds', async () => {
    const { clock, stop, receives, ended } = start({
      receive(count) {
        if (count === 10) stop.because('drained');
        if (count < 4) throw outage();
      },
    });
    await clock.advance(60_000);
    await ended;
    expect(pausesMs(receives)).toEqual([500, 1000, 2000, 0, 0, 0, 0, 0, 0]);
  });
});
