/** Where scenarios run: on this machine, or on a cluster in the cloud. */
import type { WorkerStatus } from '../core/fleet/fleet.ts';
import type { Scenario } from './scenarios.ts';

/** The environment of a scenario's commands. */
export interface BenchEnvironment {
  env: NodeJS.ProcessEnv;
  release(): Promise<void>;
}

export interface Boot {
  /** From the launch until the worker had its model and received messages. */
  readyMs: number;
  /** Milestones by name: milliseconds from the launch. */
  milestones: Readonly<Record<string, number>>;
}

export interface Site {
  /** Brings the site into the state that a scenario starts from; may take as long as a fleet takes to shrink. */
  prepare(start: Scenario['start']): Promise<BenchEnvironment>;
  /** Launches a worker, waits until it is ready, and ends it. */
  boot(): Promise<Boot>;
  /** Types of the workers' machines; empty if that is this one. */
  workerKinds(): Promise<string[]>;
  /** Ends the processes and removes the files of the site. */
  close(): Promise<void>;
}

/** Of the worker's process. The first result is that of a job which waits, so it comes with a cluster only. */
const OWN_MILESTONES = [
  'runtimeLoadedMs',
  'modelReadyMs',
  'readyMs',
  'firstMessageMs',
  'firstResultMs',
] as const;

/** A worker's boot timeline, from the launch of its machine if that is known. */
export function bootOf({ boot }: Pick<WorkerStatus, 'boot'>): Boot {
  const { launchToProcessMs, kernelToProcessMs, ...own } = boot;
  const before = launchToProcessMs ?? 0;
  const milestones: Record<string, number> = {};
  if (launchToProcessMs !== undefined) milestones.processMs = launchToProcessMs;
  if (launchToProcessMs !== undefined && kernelToProcessMs !== undefined)
    milestones.kernelMs = launchToProcessMs - kernelToProcessMs;
  for (const name of OWN_MILESTONES) if (own[name] !== undefined) milestones[name] = before + own[name];
  return { readyMs: before + Math.max(own.readyMs ?? 0, own.modelReadyMs ?? 0), milestones };
}
