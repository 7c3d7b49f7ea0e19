/**
 * The report of `imgcls bench` as JSON. Stable: a field keeps its name, unit and meaning for as long as `v` is 1; new ones
 * may be added. Durations are milliseconds.
 */
import * as z from 'zod';
import { modelRef } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import { seedFigure } from './baseline-figures.ts';
import { correctness } from './correctness.ts';
import { type Summary, summarise } from './statistics.ts';

const milliseconds = z.number().nonnegative();

const summary = z.object({
  medianMs: milliseconds,
  /** By nearest rank: of fewer than 20 repetitions it is the largest. */
  p95Ms: milliseconds,
  minMs: milliseconds,
  maxMs: milliseconds,
});

export const scenarioResult = z.object({
  name: z.string(),
  what: z.string(),
  /** `job`: a command from its start to its exit. `upload`: the same without waiting. `boot`: a worker's launch to ready. */
  measures: z.enum(['job', 'upload', 'boot']),
  /** Of one repetition; 0 for a boot. */
  images: z.int().nonnegative(),
  start: z.enum(['cold', 'warm', 'any']),
  /** One a repetition, in the order in which they were measured; those that failed are left out. */
  samplesMs: z.array(milliseconds),
  /** Of the samples; absent where there is none. */
  summary: summary.optional(),
  /** By the median; absent for a boot. */
  imagesPerSecond: z.number().nonnegative().optional(),
  /** Milestones of a boot in the order in which they were reached, each from the launch on. */
  milestones: z
    .array(z.object({ name: z.string(), samplesMs: z.array(milliseconds), summary: summary }))
    .optional(),
  /** What was published for the seed; absent where nothing was. */
  seed: seedFigure.optional(),
  /** The seed's time as a multiple of the median. */
  timesFaster: z.number().nonnegative().optional(),
});
export type ScenarioResult = z.infer<typeof scenarioResult>;

/** A scenario here and in an older report. */
export const change = z.object({
  name: z.string(),
  oldMedianMs: milliseconds.optional(),
  newMedianMs: milliseconds.optional(),
  /** The new median as a multiple of the old one. */
  ratio: z.number().nonnegative().optional(),
  /** `unknown`: too few repetitions to tell a change from the noise. `incomparable`: not in both, or not the same images. */
  verdict: z.enum(['faster', 'slower', 'within the noise', 'unknown', 'incomparable']),
});
export type Change = z.infer<typeof change>;

export const comparison = z.object({
  /** When the older report was made. */
  with: z.string(),
  /** What else is not the same, so that changes may come from there: `model: a, was b`. */
  differences: z.array(z.string()),
  changes: z.array(change),
});
export type ReportComparison = z.infer<typeof comparison>;

export const benchReport = z.object({
  v: formatVersion,
  kind: z.literal('imgcls bench'),
  /** ISO 8601, UTC. */
  createdAt: z.iso.datetime(),
  versions: z.object({ imgcls: z.string(), node: z.string() }),
  /** The one that `imgcls bench` ran on. */
  machine: z.object({
    cpu: z.string(),
    cores: z.int().positive(),
    memoryBytes: z.int().positive(),
    platform: z.string(),
    arch: z.string(),
    osRelease: z.string(),
  }),
  cloud: z.enum(['local', 'aws']),
  /** Types of the machines that worked, where it was not this one and they are known. */
  workerKinds: z.array(z.string()),
  model: modelRef,
  options: z.object({
    count: z.int().positive(),
    repeat: z.int().positive(),
    boots: z.int().positive(),
    seed: z.int().nonnegative(),
    /** Crops of the product's samples, or photographs of the user's. */
    images: z.enum(['samples', 'folder']),
  }),
  scenarios: z.array(scenarioResult),
  correctness,
  /** Where an older report was given. */
  comparison: comparison.optional(),
});
export type BenchReport = z.infer<typeof benchReport>;

/** @param name the file's, for the message. @throws {ImgclsError} of kind `usage` for anything but a report of this version. */
export function parseReport(name: string, text: string): BenchReport {
  try {
    return parseVersioned(benchReport, text, 'report');
  } catch (cause) {
    throw new ImgclsError('usage', `${name} cannot be compared with: ${messageOf(cause)}`, {
      hint: 'It must be what "imgcls bench --format json" of this version wrote.',
      cause,
    });
  }
}

/** @param samplesMs at least one. */
export function summaryOf(samplesMs: readonly number[]): z.infer<typeof summary> {
  const { median, p95, min, max }: Summary = summarise(samplesMs);
  return { medianMs: median, p95Ms: p95, minMs: min, maxMs: max };
}
