import { Random } from '../../src/bench/random.ts';

/** What the ports of a process do to it, as chances for one call. */
export interface PortFaults {
  /** The call fails before it did anything. */
  before: number;
  /** It did its work, and its answer is lost. */
  after: number;
  /** Calls in a row that are throttled, once it begins. */
  throttled: number;
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
  /** So many in one process; then the world is calm, so that every run ends. */
  most: number;
}

/** Ways to break the system on purpose, to see that it is noticed. */
export type Sabotage = 'acknowledge-first' | 'overwrite-shards' | 'wrong-label' | 'lose-announcements';

/** What a process under faults is told, through a file. */
export interface FaultPlan {
  seed: number;
  /** Where each process takes its number, and faults are noted. */
  folder: string;
  faults: PortFaults;
  /** The wall clock of a process is wrong by up to so much, either way. */
  skewMs: number;
  sabotage?: Sabotage;
}

/** The environment variable that names the file of the plan. */
export const PLAN_VARIABLE = 'IMGCLS_TEST_FAULT_PLAN';

/** A stream of chance for each purpose, so that one more draw in one place changes nothing elsewhere. */
export function randomFor(seed: number, ...purposes: number[]): Random {
  return new Random(
    purposes.reduce((mixed, purpose) => Math.imul(mixed ^ purpose, 0x01000193) + 0x9e37, seed),
  );
}

/** From calm to wild. */
export function drawFaults(random: Random): PortFaults {
  const wildness = random.next() ** 2;
  const chance = (most: number) => wildness * most * random.next();
  return {
    before: chance(0.2),
    after: chance(0.2),
    throttled: chance(0.04),
    late: chance(0.3),
    delayMs: 200 * random.next(),
    duplicate: chance(0.3),
    reorder: chance(0.5),
    cut: chance(0.2),
    miscount: chance(0.5),
    most: 10 + random.below(60),
  };
}
