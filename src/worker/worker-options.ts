import type { Cloud } from '../core/cloud/ports.ts';
import type { Liveness } from '../core/fleet/liveness.ts';
import type { OwnMachine } from '../core/fleet/machine.ts';
import type { ModelRef } from '../core/model/model.ts';
import type { Clock } from '../core/runtime/clock.ts';
import type { Log } from '../core/runtime/log.ts';
import type { Meter } from '../core/runtime/metrics.ts';
import type { StopReason } from './lifecycle/stop.ts';
import type { ModelSource } from './messages/models.ts';
import type { RunnerLimits } from './runners/runner.ts';

export interface WorkerOptions {
  cloud: Cloud;
  workerId: string;
  host: string;
  version: string;
  /** Number of model runners: one for each core. */
  runners: number;
  /** The script of a runner process, which speaks core/model/runner-protocol. */
  runnerEntry: URL;
  runnerArgs?: readonly string[];
  /** A program with arguments that runs each runner. */
  runnersUnder?: readonly string[];
  runnerLimits?: Partial<RunnerLimits>;
  models: ModelSource;
  /** The model that jobs will most likely name. It is preloaded, and classifies dropped images. */
  likelyModel?: ModelRef;
  /** Number of labels for a dropped image. */
  topK: number;
  clock: Clock;
  log: Log;
  meter?: Meter;
  /** 0 (inclusive) to 1 (exclusive); for jitter. */
  random?: () => number;
  /** How long a message stays hidden from other workers after its receive and after each extension. */
  leaseMs: number;
  /** The most messages held at a time. Images and bytes in memory have limits of their own. */
  prefetchMessages?: number;
  /** The most bytes of images in memory. */
  prefetchBytes?: number;
  maxImageBytes: number;
  /** End when the queue is empty. */
  once?: boolean;
  /** End after so long without a message. */
  idleExitMs?: number;
  /** End after so long without a live controller; set if a controller launched the worker. */
  exitWithoutControllerMs?: number;
  /** End after so long. */
  maxLifetimeMs?: number;
  /** The worker's own machine, which ends with it. */
  machine?: OwnMachine;
  /** Receives the heartbeats of the worker's loops. */
  liveness?: Liveness;
  /** Called once, when messages are received and runners are ready for them. */
  onReady?(): void;
  /** Called once, when no more messages are received. */
  onStopping?(reason: StopReason): void;
  /** Aborts with an error that no code caught: the worker ends as after a permanent error. */
  uncaught?: AbortSignal;
  /** First signal: finish what has begun, release the rest, end. */
  drain: AbortSignal;
  /** Second signal: end at once. */
  force: AbortSignal;
}
