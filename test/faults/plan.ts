import { Random } from '../../src/bench/random.ts';

/** What the ports of a process do to it, as chances for one call. */
export interface PortFaults {
  /** The call fails before it did anything. */
  before: number;
  /** It did its work, and its answer is lost. */
  after: number;
  /** Calls in a row that are throttled, once it begins. */
  throttled: number;
  /** The process is killed before the call or right after it. */
  killed: number;
  /** It is late, by up to {@link PortFaults.delayMs}. */
  late: number;
  delayMs: number;
  /** A message is sent twice, or delivered once more than it should be. */
  duplicate: number;
  /** Messages change places, and some come later. */
  reorder: number;
  /** A body or a listing breaks off in the middle. */
  cut: number;
  /** A count is far from the truth. */
  miscount: number;
  /** So many that fail in one process; then the world is calm, so that every run ends. */
  most: number;
}

/** Ways to break the system on purpose, to see that it is noticed. */
export const sabotages = [
  'acknowledge-first',
  'contradict-shards',
  'wrong-label',
  'wrong-name',
  'lose-announcements',
] as const;
export type Sabotage = (typeof sabotages)[number];

/** What a process under faults is told, through a file. */
export interface FaultPlan {
  seed: number;
  /** Where each process takes its number, and faults are noted. */
  folder: string;
  faults: PortFaults;
  /** So many processes are killed at moments that have nothing to do with what they are doing. */
  kills: number;
  /** So many are stopped for longer than their leases and their lock, and go on then. */
  stops: number;
  /** Of each role, so many processes may be killed at a call. */
  mortal: number;
  /** The first worker is killed right after this call. */
  workerEndsAfter?: 'delete from request queue';
  /** The wall clock of a process is wrong by up to so much, either way. */
  skewMs: number;
  /** How likely a runner dies of its first request with several images, whatever they are. */
  runnerDies: number;
  sabotage?: Sabotage;
}

/** The environment variable that names the file of the plan. */
export const PLAN_VARIABLE = 'IMGCLS_TEST_FAULT_PLAN';

/** A stream of chance for each purpose, so that one more draw in one place changes nothing elsewhere. */
export function randomFor(seed: number, ...purpose: (string | number)[]): Random {
  let mixed = 0x811c9dc5;
  for (const byte of Buffer.from(`${seed}/${purpose.join('/')}`)) {
    mixed = Math.imul(mixed ^ byte, 0x01000193);
  }
  return new Random(mixed);
}

/** From calm to wild. */
export function drawPlan(seed: number, folder: string): FaultPlan {
  const random = randomFor(seed, 'plan');
  const wildness = random.next();
  const chance = (most: number) => wildness * most * random.next();
  return {
    seed,
    folder,
    faults: {
      before: chance(0.2),
      after: chance(0.2),
      throttled: chance(0.04),
      killed: chance(0.03),
      late: chance(0.3),
      delayMs: 200 * random.next(),
      duplicate: chance(0.3),
      reorder: chance(0.5),
      cut: chance(0.2),
      miscount: chance(0.5),
      most: 10 + random.below(60),
    },
    kills: random.below(6),
    stops: 0,
    mortal: random.below(4),
    skewMs: random.next() < 0.5 ? 0 : 3_600_000 * random.next(),
    runnerDies: chance(1),
  };
}

export const CALM: PortFaults = {
  before: 0,
  after: 0,
  throttled: 0,
  killed: 0,
  late: 0,
  delayMs: 0,
  duplicate: 0,
  reorder: 0,
  cut: 0,
  miscount: 0,
  most: 0,
};
