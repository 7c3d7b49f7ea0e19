import type { Store } from '../core/cloud/ports.ts';
import { findReadable } from '../core/cloud/read-object.ts';
import { type FleetSample, fleetHistory } from '../core/fleet/fleet.ts';
import { CONTROLLER_HISTORY_KEY } from '../core/job/keys.ts';
import { isUnknown } from '../core/runtime/unknown.ts';
import { FORMAT, parseVersioned } from '../core/runtime/versioned.ts';
import type { Machine, Snapshot } from './snapshot.ts';

const SAMPLE_EVERY_MS = 10_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Of samples that are older than an hour, so that those of a day are not much more than those of an hour. */
const OLD_SAMPLE_EVERY_MS = 600_000;
const MAX_SAMPLES = HOUR_MS / SAMPLE_EVERY_MS + DAY_MS / OLD_SAMPLE_EVERY_MS;

/**
 * The fleet's history, for the charts: a sample every ten seconds of the last hour, and one in ten minutes of the day before.
 * If the queue or the fleet could not be read, there is no sample: unknown is not zero.
 */
export function withSample(
  history: readonly FleetSample[],
  { backlog, machines, throughputImagesPerSecond }: Snapshot,
  nowMs: number,
): readonly FleetSample[] {
  const last = history.at(-1);
  if (last !== undefined && nowMs - last.atMs < SAMPLE_EVERY_MS && nowMs >= last.atMs) return history;
  if (isUnknown(backlog) || isUnknown(machines)) return history;
  const inPhase = (phase: Machine['phase']) => machines.filter((machine) => machine.phase === phase).length;
  const sample: FleetSample = {
    atMs: nowMs,
    messages: backlog.waiting + backlog.inFlight + backlog.delayed,
    booting: inPhase('booting'),
    idle: inPhase('idle'),
    busy: inPhase('busy'),
    draining: inPhase('draining'),
    imagesPerSecond: Math.round(10 * throughputImagesPerSecond) / 10,
  };
  return [...thinned(history, nowMs), sample].slice(-MAX_SAMPLES);
}

function thinned(history: readonly FleetSample[], nowMs: number): FleetSample[] {
  let keptMs = Number.NEGATIVE_INFINITY;
  return history.filter(({ atMs }) => {
    const ageMs = nowMs - atMs;
    if (ageMs < HOUR_MS) return true;
    if (ageMs >= DAY_MS || atMs - keptMs < OLD_SAMPLE_EVERY_MS) return false;
    keptMs = atMs;
    return true;
  });
}

/** Empty if there is none, or none that this version can read. */
export async function readHistory(output: Store): Promise<readonly FleetSample[]> {
  const parse = (text: string) => parseVersioned(fleetHistory, text, 'fleet history');
  return (await findReadable(output, CONTROLLER_HISTORY_KEY, parse))?.samples ?? [];
}

/** In an object of its own, because the report is small and is written at every change. */
export async function writeHistory(output: Store, samples: readonly FleetSample[]): Promise<void> {
  await output.put(CONTROLLER_HISTORY_KEY, Buffer.from(JSON.stringify({ v: FORMAT, samples })));
}
