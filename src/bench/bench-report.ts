/**
 * The report of `imgcls bench` as JSON. Stable: fields keep name, unit and meaning as long as `v` is 1, and new ones may be
 * added. Durations are milliseconds.
 */
import * as z from 'zod';
import { modelRef } from '../core/model/model.ts';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { formatVersion, parseVersioned } from '../core/runtime/versioned.ts';
import { baselineFigure } from './baseline-figures.ts';
import { correctness } from './correctness.ts';
import { type Summary, summarise } from './statistics.ts';

const milliseconds = z.number().nonnegative();

const summary = z.object({
  medianMs: milliseconds,
  /** By nearest rank: the largest of fewer than 20 repetitions. */
  p95Ms: milliseconds,
  minMs: milliseconds,
  maxMs: milliseconds,
});

export const scenarioResult = z.object({
  name: z.string(),
  what: z.string(),
  /** `job`: a command from its start to its exit. `upload`: the same without waiting. `boot`: a worker's launch to ready. */
  measures: z.enum(['job', 'upload', 'boot']),
  /** Per repetition; 0 for a boot. */
  images: z.int().nonnegative(),
  start: z.enum(['cold', 'warm', 'any']),
  /** One per successful repetition, in the order of measuring. */
  samplesMs: z.array(milliseconds),
  /** Of the samples; absent if there is none. */
  summary: summary.optional(),
  /** From the median; absent for a boot. */
  imagesPerSecond: z.number().nonnegative().optional(),
  /** Milestones of a boot in the order in which they were reached. Times are from the launch. */
  milestones: z
    .array(z.object({ name: z.string(), samplesMs: z.array(milliseconds), summary: summary }))
    .optional(),
  /** The published figure of the baseline, if there is one. The key has kept its first name. */
  seed: baselineFigure.optional(),
  /** The baseline's time as a multiple of the median. */
  timesFaster: z.number().nonnegative().optional(),
});
export type ScenarioResult = z.infer<typeof scenarioResult>;

/** A scenario in this report and in an older one. */
export const change = z.object({
  name: z.string(),
  oldMedianMs: milliseconds.optional(),
  newMedianMs: milliseconds.optional(),
  /** The new median as a multiple of the old one. */
  ratio: z.number().nonnegative().optional(),
  /** `unknown`: too few repetitions to distinguish a change from noise. `incomparable`: not in both, or other images. */
  verdict: z.enum(['faster', 'slower', 'within the noise', 'unknown', 'incomparable']),
});
export type Change = z.infer<typeof change>;

export const comparison = z.object({
  /** Creation time of the older report. */
  with: z.string(),
  /** Other differences, which may explain the changes: `model: a, was b`. */
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
  /** On which `imgcls bench` ran. */
  machine: z.object({
    cpu: z.string(),
    cores: z.int().positive(),
    memoryBytes: z.int().positive(),
    platform: z.string(),
    arch: z.string(),
    osRelease: z.string(),
  }),
  cloud: z.enum(['local', 'aws']),
  /** Types of the workers' machines, if they are known and were not this one. */
  workerKinds: z.array(z.string()),
  model: modelRef,
  options: z.object({
    count: z.int().positive(),
    repeat: z.int().positive(),
    boots: z.int().positive(),
    seed: z.int().nonnegative(),
    /** Crops of the bundled samples, or the user's photographs. */
    images: z.enum(['samples', 'folder']),
  }),
  scenarios: z.array(scenarioResult),
  correctness,
  /** If an older report was given. */
  comparison: comparison.optional(),
});
export type BenchReport = z.infer<typeof benchReport>;

/** @param name of the file, for the message. @throws {ImgclsError} of kind `usage` for anything but a report of this version. */
export function parseReport(name: string, text: string): BenchReport {
  try {
    return parseVersioned(benchReport, text, 'report');
  } catch (cause) {
    throw new ImgclsError('usage', `Cannot compare with ${name}: ${messageOf(cause)}`, {
      hint: 'Give a report that "imgcls bench --format json" of this version wrote.',
      cause,
    });
  }
}

/** @param samplesMs at least one. */
export function summaryOf(samplesMs: readonly number[]): z.infer<typeof summary> {
  const { median, p95, min, max }: Summary = summarise(samplesMs);
  return { medianMs: median, p95Ms: p95, minMs: min, maxMs: max };
}
