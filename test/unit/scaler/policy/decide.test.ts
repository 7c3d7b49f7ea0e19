import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { policyConstants } from '../../../../src/scaler/policy/constants.ts';
import { decide } from '../../../../src/scaler/policy/decide.ts';
import type { History, PolicySettings } from '../../../../src/scaler/policy/policy.ts';
import type { Backlog, Machine, MachinePhase, Snapshot } from '../../../../src/scaler/snapshot.ts';

/** A machine does 10 images/s and boots in 70 s; the backlog should be gone within 100 s. */
const settings = (over: Partial<PolicySettings> = {}): PolicySettings => ({
  policy: 'backlog',
  min: 0,
  max: 15,
  maxLaunchPerTick: 100,
  cooldownMs: 10_000,
  idleMs: undefined,
  targetMs: 100_000,
  billingMinimumMs: 60_000,
  hourlyUsd: 0.36,
  maxHourlyCostUsd: undefined,
  maxJobCostUsd: undefined,
  ...over,
});
const backlog = (images: number, over: Partial<Backlog> = {}): Backlog => ({
  waiting: Math.ceil(images / 16),
  inFlight: 0,
  delayed: 0,
  images,
  ...over,
});
let count = 0;
const machine = (phase: MachinePhase, over: Partial<Machine> = {}): Machine => ({
  id: `m-${String(count++).padStart(4, '0')}`,
  phase,
  phaseForMs: 0,
  ageMs: 300_000,
  managed: true,
  ...over,
});
const some = (number: number, phase: MachinePhase, over: Partial<Machine> = {}) =>
  Array.from({ length: number }, () => machine(phase, over));
const snapshot = (over: Partial<Snapshot> = {}): Snapshot => ({
  backlog: backlog(0),
  machines: [],
  jobs: [],
  measured: { imagesPerSecond: 10, bootMs: 70_000 },
  throughputImagesPerSecond: 0,
  ...over,
});
const noHistory: History = { sinceLaunchMs: undefined, recentlyNeeded: 0, arrivals: [] };

describe('the backlog policy', () => {
  it('launches nothing when there is no work', () => {
    expect(decide(snapshot(), settings(), noHistory)).toMatchObject({ target: 0, launch: 0, retire: [] });
  });

  it('launches one machine for one image', () => {
    expect(decide(snapshot({ backlog: backlog(1) }), settings(), noHistory).launch).toBe(1);
  });

  it('launches as many as drain a burst within the target, boot time included', () => {
    // 50 s of the target are left to work in, half of it being the least: 500 images a machine.
    const decision = decide(snapshot({ backlog: backlog(5000) }), settings(), noHistory);
    expect(decision.launch).toBe(10);
    expect(decision.reason).toBe('5000 images within 120 s need 10 workers at 10 images/s each');
  });

  it('launches more for a small job if each saves more waiting than it costs', () => {
    // 40 s of work. A second machine saves 20 s and costs 40 s, as it is billed for a minute. A third would save 7 s for 47 s.
    const measured = { imagesPerSecond: 10, bootMs: 20_000 };
    const small = snapshot({ backlog: backlog(400), measured });
    expect(decide(small, settings(), noHistory).launch).toBe(2);
    const constants = { ...policyConstants, waitWorth: 0 };
    expect(decide(small, settings({ constants }), noHistory).launch).toBe(1);
  });

  it('launches at most what --max allows, and says so', () => {
    const decision = decide(snapshot({ backlog: backlog(100_000) }), settings(), noHistory);
    expect(decision).toMatchObject({ launch: 15, target: 15 });
    expect(decision.reason).toContain('--max allows 15');
  });

  it('launches no second fleet while the first boots', () => {
    const machines = some(10, 'booting', { ageMs: 5000 });
    expect(decide(snapshot({ backlog: backlog(5000), machines }), settings(), noHistory).launch).toBe(0);
  });

  it('launches more when the booting machines are long overdue', () => {
    const machines = some(10, 'booting', { ageMs: 300_000 });
    expect(
      decide(snapshot({ backlog: backlog(5000), machines }), settings(), noHistory).launch,
    ).toBeGreaterThan(0);
  });

  it('launches no machine that would be ready only after the work is done', () => {
    const machines = some(2, 'busy');
    const work = backlog(1300, { waiting: 60, inFlight: 20 });
    expect(
      decide(snapshot({ backlog: work, machines }), settings({ targetMs: 30_000 }), noHistory).launch,
    ).toBe(0);
  });

  it('launches no more machines than there are messages to receive', () => {
    const decision = decide(
      snapshot({ backlog: backlog(5000, { waiting: 3 }) }),
      settings({ targetMs: 1000 }),
      noHistory,
    );
    expect(decision.launch).toBe(3);
  });

  it('counts messages of dead workers as work, because they are redelivered', () => {
    const work = backlog(16, { waiting: 0, inFlight: 1 });
    expect(decide(snapshot({ backlog: work }), settings(), noHistory).launch).toBe(1);
  });

  it('does not launch for messages that a busy worker holds', () => {
    const work = backlog(16_000, { waiting: 0, inFlight: 1000 });
    const decision = decide(snapshot({ backlog: work, machines: some(1, 'busy') }), settings(), noHistory);
    expect(decision.launch).toBe(0);
    expect(decision.reason).toBe('the workers already have the last 16000 images');
  });

  it('counts an unmanaged worker as one that does the work', () => {
    const machines = [machine('busy', { managed: false })];
    expect(decide(snapshot({ backlog: backlog(100), machines }), settings(), noHistory).launch).toBe(0);
  });
});

describe('unknown', () => {
  const fleet = some(3, 'idle', { phaseForMs: 3_600_000 });
  it('changes nothing when the queues cannot be read', () => {
    const decision = decide(
      snapshot({ backlog: { unknown: 'throttled' }, machines: fleet }),
      settings(),
      noHistory,
    );
    expect(decision).toMatchObject({ target: 3, launch: 0, retire: [] });
    expect(decision.reason).toBe('no change: the queues could not be read (throttled)');
  });
  it('launches no second fleet when the fleet cannot be read', () => {
    const decision = decide(
      snapshot({ backlog: backlog(5000), machines: { unknown: 'denied' } }),
      settings(),
      noHistory,
    );
    expect(decision).toMatchObject({ launch: 0, retire: [] });
  });
  it('launches nothing under a job cost cap while the jobs cannot be read', () => {
    const decision = decide(
      snapshot({ backlog: backlog(5000), jobs: { unknown: 'denied' } }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision.launch).toBe(0);
  });
});

describe('shrinking', () => {
  it('retires a worker that has idled for --idle-seconds', () => {
    const idle = machine('idle', { phaseForMs: 5000 });
    const busy = machine('busy');
    const decision = decide(
      snapshot({ backlog: backlog(16, { waiting: 0, inFlight: 1 }), machines: [idle, busy] }),
      settings({ idleMs: 5000 }),
      { ...noHistory, recentlyNeeded: 2 },
    );
    expect(decision.retire).toEqual([idle.id]);
  });
  it('keeps one that has idled for less and was needed a moment ago', () => {
    const machines = [machine('idle', { phaseForMs: 4000 })];
    const decision = decide(snapshot({ machines }), settings({ idleMs: 5000 }), {
      ...noHistory,
      recentlyNeeded: 1,
    });
    expect(decision.retire).toEqual([]);
  });
  it('keeps an idle worker for a twentieth of its age without --idle-seconds', () => {
    const kept = machine('idle', { ageMs: 300_000, phaseForMs: 14_000 });
    const gone = machine('idle', { ageMs: 300_000, phaseForMs: 15_000 });
    const decision = decide(snapshot({ machines: [kept, gone] }), settings(), {
      ...noHistory,
      recentlyNeeded: 2,
    });
    expect(decision.retire).toEqual([gone.id]);
  });
  it.each([
    ['keeps an idle worker while the one with the last images has not reported since', 20_000, 25_000, false],
    ['keeps it, however long it idles, once that one has missed a report', 90_000, 31_000, false],
    ['retires it once that one has reported', 20_000, 10_000, true],
  ])('%s', (_, idleForMs, silentForMs, isRetired) => {
    const idle = machine('idle', { phaseForMs: idleForMs });
    const machines = [idle, machine('busy', { silentForMs })];
    const work = backlog(16, { waiting: 0, inFlight: 1 });
    const decision = decide(snapshot({ backlog: work, machines }), settings(), noHistory);
    expect(decision).toMatchObject({ launch: 0, retire: isRetired ? [idle.id] : [] });
  });
  it('retires above --max a worker that has missed a report before an idle one', () => {
    const silent = machine('busy', { silentForMs: 31_000 });
    const machines = [machine('idle', { phaseForMs: 600_000 }), silent];
    const decision = decide(snapshot({ backlog: backlog(16), machines }), settings({ max: 1 }), noHistory);
    expect(decision.retire).toEqual([silent.id]);
  });
  it('retires a busy worker once the others keep up with a stream', () => {
    // Jobs of 10 s of work every 5 s are a load of two machines.
    const arrivals = Array.from({ length: 20 }, (_, at) => ({ agoMs: 5000 * (20 - at), workMs: 10_000 }));
    const machines = some(3, 'busy');
    const stream = { ...noHistory, arrivals, recentlyNeeded: 2 };
    const withBacklog = (images: number) =>
      decide(snapshot({ backlog: backlog(images, { inFlight: 3 }), machines }), settings(), stream);
    expect(withBacklog(200)).toMatchObject({ target: 2, launch: 0 });
    expect(withBacklog(200).reason).toContain('1 surplus worker is retired');
    expect(withBacklog(300).retire).toEqual([]);
    const alone = { ...stream, arrivals: arrivals.slice(-1) };
    expect(
      decide(snapshot({ backlog: backlog(200, { inFlight: 3 }), machines }), settings(), alone).retire,
    ).toEqual([]);
  });
  it('retires nothing in its first minute, which is paid for', () => {
    const machines = some(2, 'idle', { ageMs: 59_000, phaseForMs: 50_000 });
    expect(decide(snapshot({ machines }), settings(), noHistory).retire).toEqual([]);
  });
  it('retires nothing just after a launch', () => {
    const machines = some(2, 'idle', { phaseForMs: 600_000 });
    expect(decide(snapshot({ machines }), settings(), { ...noHistory, sinceLaunchMs: 9000 }).retire).toEqual(
      [],
    );
  });
  it('retires at once what is above --max, idle workers first', () => {
    const busy = some(3, 'busy');
    const idle = machine('idle');
    const { retire, reason } = decide(
      snapshot({ machines: [...busy, idle] }),
      settings({ max: 2 }),
      noHistory,
    );
    expect(retire).toHaveLength(2);
    expect(retire[0]).toBe(idle.id);
    expect(reason).toBe('the queues are empty; 2 workers are retired: the limit is 2');
  });
  it('keeps --min', () => {
    const machines = some(3, 'idle', { phaseForMs: 3_600_000 });
    expect(decide(snapshot({ machines }), settings({ min: 2 }), noHistory).retire).toHaveLength(1);
  });
});

describe('standby', () => {
  const arrivals = Array.from({ length: 10 }, (_, at) => ({ agoMs: 60_000 * (10 - at), workMs: 1000 }));
  it('launches another worker for one that stood by and was lost', () => {
    const decided = decide(snapshot(), settings(), { ...noHistory, arrivals, onStandby: 1 });
    expect(decided).toMatchObject({ launch: 1, onStandby: 1 });
  });
  it('launches none for work that has ended', () => {
    const ended = arrivals.map(({ agoMs, workMs }) => ({ agoMs: agoMs + 3_600_000, workMs }));
    const decided = decide(snapshot(), settings(), { ...noHistory, arrivals: ended, onStandby: 1 });
    expect(decided).toMatchObject({ launch: 0, onStandby: 0 });
  });
  it('launches none with --idle-seconds', () => {
    const history = { ...noHistory, arrivals, onStandby: 1 };
    expect(decide(snapshot(), settings({ idleMs: 5000 }), history).launch).toBe(0);
  });
});

describe('cost caps', () => {
  it('allow no more machines than --max-hourly-cost pays for, booting ones included', () => {
    const machines = some(2, 'booting', { ageMs: 1000 });
    const decision = decide(
      snapshot({ backlog: backlog(50_000), machines }),
      settings({ maxHourlyCostUsd: 1.1 }),
      noHistory,
    );
    expect(decision.launch).toBe(1);
    expect(decision.warnings[0]).toContain('--max-hourly-cost $1.10 allows 3 machines at $0.3600 an hour');
  });
  it('retire everything, with a warning, when the jobs have cost --max-job-cost', () => {
    const machines = some(2, 'busy');
    const decision = decide(
      snapshot({
        backlog: backlog(5000),
        machines,
        jobs: [{ id: 'j', totalImages: 5000, costUsd: 2, doneImages: 0 }],
      }),
      settings({ maxJobCostUsd: 2 }),
      noHistory,
    );
    expect(decision).toMatchObject({ launch: 0, target: 0 });
    expect(decision.retire).toHaveLength(2);
    expect(decision.warnings[0]).toContain('Its remaining images wait. Raise the cap to continue');
  });
  it('launch only machines whose boot and work the rest of --max-job-cost pays for', () => {
    // A second costs $0.0001: the work of 2000 images $0.02, a boot of 70 s and idling at the end $0.009.
    const jobs = [{ id: 'j', totalImages: 2000, costUsd: 0.955, doneImages: 0 }];
    const decision = decide(
      snapshot({ backlog: backlog(2000), jobs }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision).toMatchObject({ needed: 4, launch: 2 });
    expect(decision.warnings).toEqual([
      'Job j has $0.0450 left of --max-job-cost $1.00, which pays for 2 machines.',
    ]);
  });
  it('buy one machine if the rest does not pay for all images', () => {
    const jobs = [{ id: 'j', totalImages: 50_000, costUsd: 0.97, doneImages: 0 }];
    const decision = decide(
      snapshot({ backlog: backlog(50_000), jobs }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision.launch).toBe(1);
  });
  it('stop all work when a job has cost more than --max-job-cost', () => {
    const decision = decide(
      snapshot({
        backlog: backlog(5000),
        machines: some(2, 'busy'),
        jobs: [{ id: 'j', totalImages: 5000, costUsd: 2.5, doneImages: 0 }],
      }),
      settings({ maxJobCostUsd: 2 }),
      noHistory,
    );
    expect(decision).toMatchObject({ launch: 0, target: 0 });
    expect(decision.warnings[0]).toContain('Its remaining images wait. Raise the cap to continue');
  });
  it('do not take what one job has cost beyond --max-job-cost from another job', () => {
    const jobs = [
      { id: 'over', totalImages: 50_000, costUsd: 6, doneImages: 0 },
      { id: 'new', totalImages: 2000, costUsd: 0.955, doneImages: 0 },
    ];
    const decision = decide(
      snapshot({ backlog: backlog(52_000), jobs }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision).toMatchObject({ needed: 4, launch: 2 });
    expect(decision.warnings[0]).toContain('Job over has reached --max-job-cost $1.00: it has cost $6.00.');
  });
  it('retire the busy machines that only a job past its cap needs', () => {
    const jobs = [
      { id: 'over', totalImages: 50_000, costUsd: 6, doneImages: 0 },
      { id: 'new', totalImages: 100, costUsd: 0, doneImages: 0 },
    ];
    const machines = some(9, 'busy');
    const decision = decide(
      snapshot({ backlog: backlog(50_100), machines, jobs }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision.retire).toHaveLength(8);
  });
  it('count nothing for a machine that boots longer than usual: its boot is paid', () => {
    const decision = decide(
      snapshot({
        backlog: backlog(2000),
        machines: some(1, 'booting', { ageMs: 300_000 }),
        jobs: [{ id: 'j', totalImages: 2000, costUsd: 0.955, doneImages: 0 }],
      }),
      settings({ maxJobCostUsd: 1 }),
      noHistory,
    );
    expect(decision.launch).toBe(2);
  });
  it('launch nothing when the price of a machine is not known', () => {
    const decision = decide(
      snapshot({ backlog: backlog(5000) }),
      settings({ hourlyUsd: undefined, maxHourlyCostUsd: 1 }),
      noHistory,
    );
    expect(decision.launch).toBe(0);
    expect(decision.warnings[0]).toContain('set pricePerHour');
  });
});

describe('the per-message policy', () => {
  it('wants one machine per message, up to --max', () => {
    const decision = decide(
      snapshot({ backlog: backlog(20 * 16) }),
      settings({ policy: 'per-message' }),
      noHistory,
    );
    expect(decision).toMatchObject({ needed: 20, launch: 15 });
  });
});

const phases = fc.constantFrom<MachinePhase>('booting', 'idle', 'busy', 'draining', 'stopped');
const fleets = fc
  .array(
    fc.record({
      phase: phases,
      phaseForMs: fc.nat(600_000),
      silentForMs: fc.nat(60_000),
      ageMs: fc.nat(3_600_000),
      managed: fc.constant(true),
    }),
    { maxLength: 30 },
  )
  .map((machines): Machine[] => machines.map((each, at) => ({ ...each, id: `m-${at}` })));
const backlogs = fc
  .record({
    waiting: fc.nat(5000),
    inFlight: fc.nat(500),
    delayed: fc.nat(50),
    perMessage: fc.integer({ min: 1, max: 16 }),
  })
  .map(({ perMessage, ...depth }) => ({
    ...depth,
    images: perMessage * (depth.waiting + depth.inFlight + depth.delayed),
  }));
const limits = fc
  .record({
    min: fc.nat(10),
    more: fc.nat(20),
    policy: fc.constantFrom('backlog', 'per-message'),
    targetMs: fc.integer({ min: 1000, max: 600_000 }),
  })
  .map(({ min, more, ...rest }) => settings({ min, max: min + more, ...rest }));
const histories = fc.record({
  sinceLaunchMs: fc.option(fc.nat(100_000), { nil: undefined }),
  recentlyNeeded: fc.nat(30),
  arrivals: fc.constant([]),
});
const own = (machines: readonly Machine[]) => machines.filter(({ phase }) => phase !== 'stopped');
const serving = (machines: readonly Machine[]) => own(machines).filter(({ phase }) => phase !== 'draining');

describe('for any snapshot', () => {
  const holds = (
    property: (machines: Machine[], work: Backlog, limit: PolicySettings, history: History) => void,
  ) => fc.assert(fc.property(fleets, backlogs, limits, histories, property), { numRuns: 500 });

  it('there are never more than --max', () =>
    holds((machines, work, limit, history) => {
      const { launch } = decide(snapshot({ machines, backlog: work }), limit, history);
      if (launch > 0) expect(own(machines).length + launch).toBeLessThanOrEqual(limit.max);
    }));

  it('there are never fewer than --min once there is room for them', () =>
    holds((machines, work, limit, history) => {
      const { target } = decide(snapshot({ machines, backlog: work }), limit, history);
      const draining = own(machines).length - serving(machines).length;
      expect(target).toBeGreaterThanOrEqual(Math.min(limit.min, Math.max(0, limit.max - draining)));
    }));

  it('within --max and while there is work, a worker that reports stays', () =>
    holds((machines, work, limit, history) => {
      const reporting = machines.filter(
        ({ phase, silentForMs = 0 }) => (phase === 'idle' || phase === 'busy') && silentForMs <= 30_000,
      );
      if (own(machines).length > limit.max) return;
      if (limit.policy !== 'backlog' || work.images === 0 || reporting.length === 0) return;
      const { retire } = decide(snapshot({ machines, backlog: work }), limit, history);
      expect(reporting.some(({ id }) => !retire.includes(id))).toBe(true);
    }));

  it('a busy worker that reports is never retired while an idle one stays', () =>
    holds((machines, work, limit, history) => {
      const retired = new Set(decide(snapshot({ machines, backlog: work }), limit, history).retire);
      const isBusyRetired = machines.some(
        ({ id, phase, silentForMs = 0 }) => retired.has(id) && phase === 'busy' && silentForMs <= 30_000,
      );
      const isIdleKept = machines.some(({ id, phase }) => !retired.has(id) && phase === 'idle');
      expect(isBusyRetired && isIdleKept).toBe(false);
    }));

  it('nothing is launched and retired at once', () =>
    holds((machines, work, limit, history) => {
      const { launch, retire } = decide(snapshot({ machines, backlog: work }), limit, history);
      expect(Math.min(launch, retire.length)).toBe(0);
    }));

  it('more work never launches less', () =>
    holds((machines, work, limit, history) => {
      const more: Backlog = { ...work, waiting: work.waiting + 100, images: work.images + 1600 };
      const fewer = decide(snapshot({ machines, backlog: work }), limit, history).launch;
      expect(decide(snapshot({ machines, backlog: more }), limit, history).launch).toBeGreaterThanOrEqual(
        fewer,
      );
    }));

  it('a launch is enough: the next tick launches nothing more', () =>
    holds((machines, work, limit, history) => {
      const { launch } = decide(snapshot({ machines, backlog: work }), limit, history);
      if (launch === 0) return;
      const launched = Array.from({ length: launch }, (_, at) =>
        machine('booting', { id: `new-${at}`, ageMs: 0 }),
      );
      const next = decide(snapshot({ machines: [...machines, ...launched], backlog: work }), limit, {
        ...history,
        sinceLaunchMs: 0,
      });
      expect(next).toMatchObject({ launch: 0, retire: [] });
    }));
});

describe('constant work', () => {
  it('settles on one fleet and neither launches nor retires any more', () => {
    // 35 images/s arrive; a machine does 10 a second and boots in 70 s. Each tick is 5 s.
    let machines: Machine[] = [];
    let images = 0;
    const needs: number[] = [];
    const sizes: number[] = [];
    for (let tick = 0; tick < 720; tick++) {
      const ready = machines.filter(({ ageMs }) => ageMs >= 70_000);
      const done = Math.min(images + 175, ready.length * 50);
      images += 175 - done;
      const arrivals = Array.from({ length: Math.min(tick + 1, 100) }, (_, ago) => ({
        agoMs: 5000 * ago,
        workMs: 17_500,
      })).reverse();
      const busy = Math.ceil(done / 50);
      machines = machines.map((each) => {
        const phase: MachinePhase =
          each.ageMs < 70_000 ? 'booting' : ready.indexOf(each) < busy ? 'busy' : 'idle';
        const phaseForMs = phase === each.phase ? each.phaseForMs + 5000 : 0;
        return { ...each, phase, phaseForMs, ageMs: each.ageMs + 5000 };
      });
      const decision = decide(
        snapshot({ backlog: backlog(images), machines, throughputImagesPerSecond: done / 5 }),
        settings(),
        { sinceLaunchMs: undefined, recentlyNeeded: Math.max(0, ...needs.slice(-3)), arrivals },
      );
      needs.push(decision.needed);
      machines = machines.filter(({ id }) => !decision.retire.includes(id));
      machines.push(...some(decision.launch, 'booting', { ageMs: 0 }));
      sizes.push(machines.length);
    }
    const settled = new Set(sizes.slice(-360));
    expect([...settled]).toHaveLength(1);
    expect(sizes.at(-1)).toBeGreaterThanOrEqual(4);
    expect(sizes.at(-1)).toBeLessThanOrEqual(6);
  });
});
