/** When launches are held back after some that failed, and when not. */
import { describe, expect, it } from 'vitest';
import type { WorkerStatus } from '../../../../src/core/fleet/fleet.ts';
import { type FleetMember, placeholder } from '../../../../src/scaler/fleet.ts';
import { LaunchBreaker, type LaunchRecord } from '../../../../src/scaler/policy/launch-breaker.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const UNLIMITED = Number.POSITIVE_INFINITY;
const BOOT_MS = 70 * SECOND;

/** Machines as a breaker sees them. Each has a state of its worker's, or none before its first status. */
class Fleet {
  nowMs = 10 * HOUR;
  /** With the machine image that is launched now. */
  readonly driver: { image?: string } = {};
  breaker: LaunchBreaker;
  /** How many more could be launched beside each machine of failInARow(). */
  readonly allowedBeside: number[] = [];
  readonly #billingMinimumMs: number;
  readonly #members = new Map<string, FleetMember>();
  readonly #statuses = new Map<string, WorkerStatus>();

  constructor(billingMinimumMs = MINUTE) {
    this.#billingMinimumMs = billingMinimumMs;
    this.breaker = this.#newBreaker();
  }

  #newBreaker(last?: LaunchRecord, shift: { goesOn?: boolean } = {}): LaunchBreaker {
    const settings = { billingMinimumMs: this.#billingMinimumMs };
    return new LaunchBreaker({ settings, driver: this.driver, ...shift }, this.#now, last);
  }

  get #now() {
    // Another clock than the wall's: only differences count.
    return { wallMs: this.nowMs, monotonicMs: this.nowMs - 9 * HOUR };
  }

  launch(...ids: string[]): void {
    const { image } = this.driver;
    for (const id of ids)
      this.#members.set(id, { id, state: 'running', launchedAtMs: this.nowMs, ...(image && { image }) });
    this.breaker.launched(ids, this.#now);
  }

  reports(id: string, state: WorkerStatus['state'], over: Partial<WorkerStatus> = {}): void {
    this.#statuses.set(id, { id, state, boot: {}, imagesDone: 0, ...over } as WorkerStatus);
  }

  /** Its machine ends, without a trace. */
  ends(...ids: string[]): void {
    for (const id of ids) {
      this.#members.delete(id);
      if (this.#statuses.get(id)?.state !== 'failed') this.#statuses.delete(id);
    }
  }

  shutsDown(id: string, over: Partial<FleetMember> = {}): void {
    this.#members.set(id, { id, state: 'draining', launchedAtMs: 0, ...over });
  }

  tick(afterMs = 5 * SECOND): void {
    this.nowMs += afterMs;
    const statuses = [...this.#statuses].map(
      ([id, status]) => [id, { status, silentForMs: 0, modifiedAtMs: 0, isNew: true }] as const,
    );
    const snapshot = { measured: { bootMs: BOOT_MS, imagesPerSecond: 10 } };
    const members = [...this.#members.values()];
    this.breaker.observe({ members, statuses: new Map(statuses), snapshot }, this.#now);
  }

  replaceController(): void {
    this.breaker = this.#newBreaker(this.breaker.record);
  }

  beginNextShift(): void {
    this.breaker = this.#newBreaker(this.breaker.record, { goesOn: true });
  }

  get allowed(): number {
    return this.breaker.limit(this.#now)?.launches ?? UNLIMITED;
  }

  /** Launches one machine after another that never becomes ready. @returns how long each launch had to wait. */
  failInARow(launches: number): number[] {
    const pausesMs: number[] = [];
    for (let n = 0; n < launches; n++) {
      const sinceMs = this.nowMs;
      while (this.allowed === 0) this.tick(SECOND);
      pausesMs.push(this.nowMs - sinceMs);
      const id = `broken-${n}-${this.nowMs}`;
      this.launch(id);
      this.tick();
      this.allowedBeside.push(this.allowed);
      this.ends(id);
      this.tick();
    }
    return pausesMs;
  }
}

describe('after launches that failed', () => {
  it('the pause begins with three billing minimums and doubles up to four hours, with one machine on trial', () => {
    const fleet = new Fleet();
    expect(fleet.failInARow(10).map((ms) => ms / MINUTE)).toEqual([0, 3, 6, 12, 24, 48, 96, 192, 240, 240]);
    fleet.tick(4 * HOUR);
    expect(fleet.allowed).toBe(1);
    expect(fleet.allowedBeside).toEqual([UNLIMITED, ...Array(9).fill(0)]);
  });

  it('the pause is seconds where machines are free', () => {
    expect(new Fleet(0).failInARow(10).map((ms) => ms / SECOND)).toEqual([
      0, 2, 4, 8, 16, 32, 64, 128, 160, 160,
    ]);
  });

  it('twenty machines launched together are one launch', () => {
    const fleet = new Fleet();
    const ids = Array.from({ length: 20 }, (_, n) => `i-${n}`);
    fleet.launch(...ids);
    for (const id of ids) {
      fleet.ends(id);
      fleet.tick();
    }
    expect(fleet.breaker.record.failedLaunches?.count).toBe(1);
  });

  it('a person is warned from the third on, with the reason', () => {
    const fleet = new Fleet();
    fleet.failInARow(2);
    expect(fleet.breaker.warning).toBeUndefined();
    fleet.failInARow(1);
    fleet.breaker.explain('Worker i-3: kernel panic.');
    expect(fleet.breaker.warning).toMatch(
      /^The last 3 launches failed\. Worker i-3: kernel panic\. .*the next launch is at 1970-01-01T10:.*Z\.$/,
    );
  });

  it('of a launch of ten machines a person is warned at once, and until one works', () => {
    const fleet = new Fleet();
    const ids = Array.from({ length: 10 }, (_, n) => `i-${n}`);
    fleet.launch(...ids);
    fleet.ends(...ids);
    fleet.tick();
    fleet.breaker.explain('Worker i-0: kernel panic.');
    expect(fleet.breaker.warning).toMatch(
      /^The last launch failed, of 10 workers\. Worker i-0: kernel panic\. /,
    );
    fleet.failInARow(1);
    expect(fleet.breaker.warning).toMatch(/^The last 2 launches failed\. /);
  });

  it('one machine that works closes it at once', () => {
    const fleet = new Fleet();
    fleet.failInARow(5);
    fleet.tick(HOUR);
    fleet.launch('good');
    fleet.reports('good', 'busy', { imagesDone: 1 });
    fleet.tick();
    expect([fleet.allowed, fleet.breaker.warning, fleet.breaker.record.failedLaunches]).toEqual([
      UNLIMITED,
      undefined,
      undefined,
    ]);
  });

  it('one that is ready without work closes it after 30 s', () => {
    const fleet = new Fleet();
    fleet.failInARow(5);
    fleet.tick(HOUR);
    fleet.launch('idle');
    fleet.reports('idle', 'ready');
    fleet.tick();
    expect(fleet.allowed).toBe(0);
    fleet.tick(30 * SECOND);
    expect(fleet.allowed).toBe(UNLIMITED);
  });

  it('a new controller tries one machine after the first pause, and not twenty', () => {
    const fleet = new Fleet();
    fleet.failInARow(8);
    fleet.replaceController();
    fleet.tick();
    expect(fleet.allowed).toBe(0);
    fleet.tick(3 * MINUTE);
    expect(fleet.allowed).toBe(1);
    fleet.failInARow(1);
    expect(fleet.breaker.record.failedLaunches?.count).toBe(9);
    expect(fleet.breaker.warning).toContain('The last 9 launches failed.');
  });

  it('the next shift of a controller goes on with the pause of the last one', () => {
    const fleet = new Fleet();
    fleet.failInARow(8);
    // The eighth pause takes four hours.
    for (let shift = 0; shift < 15; shift++) {
      fleet.tick(15 * MINUTE);
      fleet.beginNextShift();
      fleet.tick();
      expect(fleet.allowed).toBe(0);
    }
    fleet.tick(15 * MINUTE);
    expect(fleet.allowed).toBe(1);
  });

  it('a new controller is not deceived by machines that worked before the failures', () => {
    const fleet = new Fleet();
    fleet.launch('old');
    fleet.reports('old', 'busy', { imagesDone: 100 });
    fleet.tick();
    fleet.failInARow(3);
    fleet.replaceController();
    fleet.tick();
    fleet.tick(3 * MINUTE);
    expect(fleet.allowed).toBe(1);
  });
});

describe('while the machines of a launch are late', () => {
  const batch = Array.from({ length: 10 }, (_, n) => `i-${n}`);
  const withLateBatch = (): Fleet => {
    const fleet = new Fleet();
    fleet.launch(...batch);
    fleet.tick(2 * BOOT_MS);
    expect(fleet.allowed).toBe(UNLIMITED);
    fleet.tick(SECOND);
    return fleet;
  };

  it('one more is tried, and no other until it works', () => {
    const fleet = withLateBatch();
    expect(fleet.allowed).toBe(1);
    fleet.launch('one-more');
    fleet.tick();
    expect(fleet.allowed).toBe(0);
    fleet.reports('one-more', 'busy', { imagesDone: 1 });
    fleet.tick();
    expect(fleet.allowed).toBe(UNLIMITED);
  });

  it('no second one is tried before they have failed', () => {
    const fleet = withLateBatch();
    fleet.launch('one-more');
    for (let second = 0; second < 450; second += 5) {
      fleet.tick();
      expect(fleet.allowed).toBe(0);
    }
  });

  it('they are awaited no more when one of them works', () => {
    const fleet = withLateBatch();
    fleet.reports('i-3', 'busy', { imagesDone: 1 });
    fleet.tick();
    expect(fleet.allowed).toBe(UNLIMITED);
  });

  it('a single one beside machines that work changes nothing', () => {
    const fleet = new Fleet();
    fleet.launch('good');
    fleet.reports('good', 'busy', { imagesDone: 1 });
    fleet.tick();
    fleet.launch('late');
    fleet.tick(3 * BOOT_MS);
    expect(fleet.allowed).toBe(UNLIMITED);
  });
});

describe('a launch has failed', () => {
  const countAfter = (happens: (fleet: Fleet) => void): number | undefined => {
    const fleet = new Fleet();
    fleet.launch('m');
    fleet.tick();
    happens(fleet);
    fleet.tick();
    fleet.tick();
    return fleet.breaker.record.failedLaunches?.count;
  };

  it.each<[string, (fleet: Fleet) => void]>([
    ['when its machine ends before it is ready', (fleet) => fleet.ends('m')],
    ['when its machine shuts down before it is ready', (fleet) => fleet.shutsDown('m')],
    [
      'when its worker fails without an outcome, once',
      (fleet) => fleet.reports('m', 'failed', { failure: 'The model is broken.' }),
    ],
    [
      'when its machine ends just after it was ready, without an outcome',
      (fleet) => {
        fleet.reports('m', 'ready');
        fleet.tick();
        fleet.ends('m');
      },
    ],
    [
      'when the controller ends it because it was not ready in time',
      (fleet) => {
        const failed = fleet.breaker.ended([{ id: 'm', why: 'it was not ready within 600 s' }], {
          wallMs: 0,
          monotonicMs: 2 * HOUR,
        });
        expect(failed?.why).toContain('600 s');
      },
    ],
  ])('%s', (_, happens) => {
    expect(countAfter(happens)).toBe(1);
  });

  it.each<[string, (fleet: Fleet) => void]>([
    [
      'its machine is retired while it boots, since the work is done',
      (fleet) => {
        fleet.breaker.retired(['m']);
        fleet.ends('m');
      },
    ],
    ['spot reclaims it while it boots', (fleet) => fleet.shutsDown('m', { isReclaimed: true })],
    [
      'spot reclaims it while it works',
      (fleet) => {
        fleet.reports('m', 'busy', { imagesDone: 16 });
        fleet.tick();
        fleet.ends('m');
      },
    ],
    [
      'spot reclaims it while it is idle',
      (fleet) => {
        fleet.reports('m', 'ready');
        fleet.tick();
        fleet.tick(30 * SECOND);
        fleet.ends('m');
      },
    ],
    [
      'its worker drains by itself',
      (fleet) => {
        fleet.reports('m', 'draining');
        fleet.tick();
        fleet.ends('m');
      },
    ],
    [
      'its worker fails after it has done images',
      (fleet) => fleet.reports('m', 'failed', { imagesDone: 16 }),
    ],
  ])('but not when %s', (_, happens) => {
    expect(countAfter(happens)).toBeUndefined();
  });

  it('but not when others of the launch work', () => {
    const fleet = new Fleet();
    fleet.launch('good', 'bad');
    fleet.reports('good', 'busy', { imagesDone: 16 });
    fleet.tick();
    fleet.ends('bad');
    fleet.tick();
    expect([fleet.breaker.record.failedLaunches, fleet.allowed]).toEqual([undefined, UNLIMITED]);
  });
});

describe('beside machines that work', () => {
  const withGoodOne = (): Fleet => {
    const fleet = new Fleet(0);
    fleet.launch('good');
    fleet.reports('good', 'busy', { imagesDone: 16 });
    fleet.tick();
    return fleet;
  };

  it('one failed launch is an accident, and is forgotten', () => {
    const fleet = withGoodOne();
    fleet.launch('lost');
    fleet.ends('lost');
    fleet.tick();
    expect([fleet.breaker.record.failedLaunches?.count, fleet.allowed]).toEqual([1, UNLIMITED]);
    fleet.tick();
    fleet.ends('good');
    fleet.tick();
    expect([fleet.breaker.record.failedLaunches, fleet.allowed]).toEqual([undefined, UNLIMITED]);
  });

  it('a launch of which all ten machines fail is no accident', () => {
    const fleet = withGoodOne();
    const ids = Array.from({ length: 10 }, (_, n) => `broken-${n}`);
    fleet.launch(...ids);
    fleet.tick();
    fleet.ends(...ids);
    fleet.tick();
    expect([fleet.breaker.record.failedLaunches?.count, fleet.allowed]).toEqual([1, 0]);
    fleet.tick(3 * MINUTE);
    expect(fleet.allowed).toBe(1);
  });

  it('a sick machine that is launched again and again is held back', () => {
    const fleet = withGoodOne();
    let launches = 0;
    for (let second = 0; second < 600; second++) {
      if (fleet.allowed > 0) {
        const id = `sick-${++launches}`;
        fleet.launch(id);
        fleet.reports(id, 'failed', { failure: 'No memory.' });
      }
      fleet.tick(SECOND);
    }
    // At 0, 1, 6, 15, 32, 65, 130, 259, 420 and 581 s.
    expect(launches).toBe(10);
  });

  it('machines that the cloud has not launched yet are on trial, and their ids never fail', () => {
    const fleet = new Fleet();
    fleet.failInARow(2);
    fleet.tick(HOUR);
    fleet.launch(placeholder('1-1', 1));
    expect(fleet.allowed).toBe(0);
    fleet.tick();
    expect(fleet.allowed).toBe(0);
    fleet.ends(placeholder('1-1', 1));
    fleet.launch('i-1');
    fleet.tick();
    expect([fleet.allowed, fleet.breaker.record.failedLaunches?.count]).toEqual([0, 2]);
  });
});

describe('of a machine image of which no machine has ever worked', () => {
  const withImage = (image: string): Fleet => {
    const fleet = new Fleet();
    fleet.driver.image = image;
    return fleet;
  };
  const proven = (image: string): Fleet => {
    const fleet = withImage(image);
    fleet.launch('first');
    fleet.reports('first', 'busy', { imagesDone: 1 });
    fleet.tick();
    return fleet;
  };

  it('one machine is launched, and the others once it works', () => {
    const fleet = withImage('ami-1');
    expect(fleet.allowed).toBe(1);
    fleet.launch('first');
    fleet.reports('first', 'ready');
    fleet.tick();
    expect(fleet.allowed).toBe(0);
    fleet.reports('first', 'busy', { imagesDone: 1 });
    fleet.tick();
    expect(fleet.allowed).toBe(UNLIMITED);
  });

  it('three are launched in a day, and the warning names the image', () => {
    const fleet = withImage('ami-1');
    expect(fleet.failInARow(4).map((ms) => ms / MINUTE)).toEqual([0, 3, 6, 24 * 60]);
    expect(fleet.allowedBeside).toEqual([0, 0, 0, 0]);
    expect(fleet.breaker.warning).toMatch(
      /No worker has worked from machine image ami-1 yet, .* a day; the next/,
    );
  });

  it('another image is tried at once, one machine first', () => {
    const fleet = withImage('ami-1');
    fleet.failInARow(3);
    fleet.driver.image = 'ami-2';
    expect([fleet.allowed, fleet.breaker.warning]).toEqual([1, undefined]);
    fleet.failInARow(1);
    expect(fleet.breaker.record.failedLaunches).toMatchObject({ count: 1, image: 'ami-2' });
  });

  it('later controllers know that it worked, even if no machine is left', () => {
    const fleet = proven('ami-1');
    fleet.breaker.retired(['first']);
    fleet.ends('first');
    fleet.replaceController();
    expect(fleet.allowed).toBe(UNLIMITED);
    fleet.failInARow(3);
    expect(fleet.breaker.warning).toContain('Workers are launched one at a time now');
  });

  it('a controller that finds its machines at work knows it, too', () => {
    const fleet = proven('ami-1');
    fleet.breaker = new Fleet().breaker;
    fleet.driver.image = 'ami-1';
    fleet.beginNextShift();
    fleet.tick();
    expect(fleet.allowed).toBe(UNLIMITED);
  });

  it('stopped machines are started beside the one on trial', () => {
    const fleet = withImage('ami-2');
    for (const id of ['warm-1', 'warm-2']) fleet.shutsDown(id, { state: 'stopped', image: 'ami-1' });
    fleet.tick();
    expect(fleet.allowed).toBe(3);
  });

  it('machines of the last image prove nothing', () => {
    const fleet = proven('ami-1');
    fleet.driver.image = 'ami-2';
    fleet.tick();
    expect(fleet.allowed).toBe(1);
  });
});
