/**
 * When work will come that has come regularly, and whether machines should start before it. Pure.
 *
 * A time is compared with earlier times of its rhythms. Those that had an arrival within a boot are samples of when the work comes,
 * and their share is its probability. The rhythms are asked from the general to the special, so that a few weekends without work count
 * for more than many working days with it.
 */
import { quantile } from '../policy/pauses.ts';
import { Arrivals, type LoggedArrival } from './arrivals.ts';
import { isPartOf, type Rhythm, rhythmsOf } from './rhythms.ts';

export interface Expectation {
  /** Machines that are launched now are ready when the work is expected. */
  launchAtMs: number;
  /** When the work is expected. */
  atMs: number;
  /** No machine waits longer. */
  untilMs: number;
  /** For one machine. */
  workMs: number;
  /** Such as "every hour, 5 of the last 6 times". */
  rhythm: string;
}

export interface BootFacts {
  bootMs: number;
  /** A machine is paid for at least this long. */
  billingMinimumMs: number;
}

/** Earlier times that one is compared with. */
const STEPS = 6;
/** What the more general rhythms say counts as much as one earlier time. */
const GENERAL_WEIGHT = 1;
/** A rhythm that random work would show with a larger probability is none. */
const MAX_CHANCE = 0.02;
/** A second that work waits is worth so many seconds of a machine. */
const WAIT_WORTH = 0.5;
/** Controllers look every 5 s, so times are no more exact. */
const LEAST_SPREAD_MS = 5000;
const LEAST_TOLERANCE_MS = 10_000;
/** Work may be this much later than it ever was, and is seen one look later. */
const GRACE_MS = 10_000;
const HORIZON_MS = 24 * 3_600_000;
/** Work that comes within so many boots, or billing minimums, of other work finds machines on standby (policy/standby.ts). */
const STANDBY_BOOTS = 3;

/**
 * @param arrivals the latest last.
 * @returns the next one within a day; undefined if none is likely enough to be worth the machines that would wait for it in vain.
 */
export function nextExpectation(
  arrivals: readonly LoggedArrival[],
  nowMs: number,
  facts: BootFacts,
): Expectation | undefined {
  const record = new Arrivals(arrivals, Math.max(facts.bootMs, LEAST_TOLERANCE_MS));
  const rhythms = rhythmsOf(record.times, record.toleranceMs / STEPS);
  const missedMs = nowMs - record.toleranceMs;
  const standbyMs =
    (arrivals.at(-1)?.atMs ?? nowMs) + STANDBY_BOOTS * Math.max(facts.bootMs, facts.billingMinimumMs);
  const candidates = rhythms
    .flatMap((rhythm) => record.times.map((atMs) => laterTime(rhythm, atMs, missedMs)))
    .filter((atMs) => atMs > missedMs && atMs < nowMs + HORIZON_MS)
    .sort((a, b) => a - b);
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const atMs of candidates) {
    if (atMs - lastMs < LEAST_SPREAD_MS || record.near(atMs) !== undefined) continue;
    lastMs = atMs;
    const found = evidence(atMs, rhythms, { record, nowMs });
    const expectation = found && worthwhile(found, facts);
    if (expectation === undefined || expectation.untilMs <= nowMs) continue;
    return atMs > standbyMs ? expectation : undefined;
  }
  return undefined;
}

/** One step later, or two if there was no work after one. */
function laterTime(rhythm: Rhythm, atMs: number, missedMs: number): number {
  const nextMs = rhythm.step(atMs, 1);
  return nextMs > missedMs ? nextMs : rhythm.step(nextMs, 1);
}

interface Evidence {
  rhythm: Rhythm;
  /** The most special one that the rhythm is part of. */
  special: Rhythm;
  probability: number;
  /** When and how much work comes, by earlier arrivals. */
  samples: readonly LoggedArrival[];
  spreadMs: number;
  words: string;
}

/** What is known at this time. */
interface Known {
  record: Arrivals;
  nowMs: number;
}

/** What speaks for work at this time, by the rhythm that fits best; undefined if it may be chance. */
function evidence(atMs: number, rhythms: readonly Rhythm[], known: Known): Evidence | undefined {
  let found: Evidence[] = [];
  for (const rhythm of rhythms) {
    const { samples, times } = samplesOf(atMs, rhythm, known);
    if (times === 0) continue;
    const isGeneral = (other: Evidence) => isPartOf(other.special, rhythm, known.record.toleranceMs / STEPS);
    const general = found.filter(isGeneral);
    const before = Math.max(0, ...general.map(({ probability }) => probability));
    const probability = (GENERAL_WEIGHT * before + samples.length) / (GENERAL_WEIGHT + times);
    const words = `${rhythm.words(atMs)}, ${samples.length} of the last ${times} times`;
    const own = { rhythm, special: rhythm, samples, spreadMs: spreadOf(samples), words };
    // The special rhythm knows better how likely work is, and the general one may have more samples of its time.
    found = found.map((other) => (isGeneral(other) ? { ...other, probability, special: rhythm } : other));
    found.push({ ...own, probability });
  }
  return found
    .filter((each) => !isByChance(each, known.record))
    .sort((a, b) => b.probability - a.probability || a.spreadMs - b.spreadMs)[0];
}

/** The time itself was made from one arrival, and a usual pause from another. */
function isByChance({ rhythm, samples, spreadMs }: Evidence, { rate }: Arrivals): boolean {
  const confirmed = Math.max(0, samples.length - (rhythm.isRelative ? 2 : 1));
  return Math.min(1, 2 * spreadMs * rate) ** confirmed > MAX_CHANCE;
}

/** Earlier arrivals of a rhythm, as if they were those of this time, and how many there could have been. */
function samplesOf(atMs: number, rhythm: Rhythm, { record, nowMs }: Known) {
  const samples: LoggedArrival[] = [];
  let times = 0;
  // What the rhythm says of the time between is not known yet.
  if (rhythm.step(atMs, -1) > nowMs) return { samples, times };
  for (let earlierMs = rhythm.step(atMs, -1); times < STEPS; earlierMs = rhythm.step(earlierMs, -1)) {
    if (earlierMs < record.firstMs - record.toleranceMs) break;
    times++;
    const arrival = record.near(earlierMs);
    if (arrival === undefined) continue;
    const lateMs = arrival.atMs - earlierMs;
    // A pause that began early was long, so the work after the present one comes late.
    samples.push({ atMs: atMs + (rhythm.isRelative ? -lateMs : lateMs), workMs: arrival.workMs });
    if (rhythm.isRelative) earlierMs = arrival.atMs;
  }
  return { samples, times };
}

function spreadOf(samples: readonly LoggedArrival[]): number {
  const times = samples.map(({ atMs }) => atMs);
  const usualMs = quantile(times, 0.5) ?? 0;
  const differencesMs = times.map((atMs) => Math.abs(atMs - usualMs));
  return Math.max(LEAST_SPREAD_MS, quantile(differencesMs, 0.75) ?? 0);
}

/** Machines are ready when it is worth as much that they wait a second longer as that the work does. */
function worthwhile(
  { probability, samples, spreadMs, words }: Evidence,
  { bootMs, billingMinimumMs }: BootFacts,
): Expectation | undefined {
  const times = samples.map(({ atMs }) => atMs);
  const atMs = quantile(times, 1 / (1 + WAIT_WORTH)) ?? 0;
  const untilMs = Math.max(...times) + spreadMs + GRACE_MS;
  const mean = (of: (timeMs: number) => number) =>
    times.reduce((sum, timeMs) => sum + of(timeMs), 0) / times.length;
  const savedMs = mean((timeMs) => Math.max(0, bootMs - Math.max(0, atMs - timeMs)));
  const idleMs = mean((timeMs) => Math.max(0, timeMs - atMs));
  const inVainMs = Math.max(billingMinimumMs, bootMs + untilMs - atMs);
  const isWorth = WAIT_WORTH * probability * savedMs > probability * idleMs + (1 - probability) * inVainMs;
  if (!isWorth) return undefined;
  const workMs =
    quantile(
      samples.map((sample) => sample.workMs),
      0.5,
    ) ?? 0;
  return { launchAtMs: atMs - bootMs, atMs, untilMs, workMs, rhythm: words };
}
