/** Where scenarios run: on this machine, or on a cluster in the cloud. */
import type { WorkerStatus } from '../core/fleet/fleet.ts';
import type { Scenario } from './scenarios.ts';

/** What a command needs to run there. */
export interface BenchEnvironment {
  env: NodeJS.ProcessEnv;
  /** Lets go of it. */
  leave(): Promise<void>;
}

export interface Boot {
  /** From the launch until the worker had its model and took messages. */
  readyMs: number;
  /** Milestones by name: milliseconds from the launch. */
  milestones: Readonly<Record<string, number>>;
}

export interface Site {
  /** A place in the state that a scenario starts from; may take as long as a fleet takes to get there. */
  place(start: Scenario['start']): Promise<BenchEnvironment>;
  /** Launches a worker, waits until it is ready, and ends it. */
  boot(): Promise<Boot>;
  /** What the machines are that work there, where that is not this one. */
  workerKinds(): Promise<string[]>;
  /** Ends what it started and removes what it made. */
  close(): Promise<void>;
}

/** A worker's boot timeline, counted from the launch of its machine where that is known. */
export function bootOf({ boot }: Pick<WorkerStatus, 'boot'>): Boot {
  const { launchToProcessMs, kernelToProcessMs, ...own } = boot;
  const before = launchToProcessMs ?? 0;
  const milestones: Record<string, number> = {};
  if (launchToProcessMs !== undefined) milestones.processMs = launchToProcessMs;
  if (launchToProcessMs !== undefined && kernelToProcessMs !== undefined)
    milestones.kernelMs = launchToProcessMs - kernelToProcessMs;
  for (const name of ['runtimeLoadedMs', 'modelReadyMs', 'readyMs'] as const)
    if (own[name] !== undefined) milestones[name] = before + own[name];
  return { readyMs: before + Math.max(own.readyMs ?? 0, own.modelReadyMs ?? 0), milestones };
}
