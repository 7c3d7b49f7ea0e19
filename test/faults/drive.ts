/** Keeps a job going against all that kills its processes. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../src/bench/random.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import type { Processes, Target } from './processes.ts';

export interface Drive {
  processes: Processes;
  /** Commands that run beside the submitter and are started again whenever they end. */
  helpers: readonly string[][];
  uploadFlags: readonly string[];
  /** The job that is there, if any. */
  findJob(): Promise<string | undefined>;
  /** Waited for at the job's end, before the helpers are killed. */
  settled(): Promise<void>;
  /** Gives up. */
  signal: AbortSignal;
}

/** What the submitter that saw the job's end printed, or why there is no such thing. */
export type Driven = { printed: string } | { problem: string };

/** Submits, and resumes whatever was killed, until the job is at its end or the signal aborts. */
export async function drive(options: Drive): Promise<Driven> {
  const { processes, helpers, uploadFlags, findJob, settled, signal } = options;
  const over = new AbortController();
  const forget = onAbort(signal, () => over.abort());
  const keeping = helpers.map((args) => keepRunning(processes, args, over.signal));
  try {
    for (let job: string | undefined; !signal.aborted; job ??= await findJob()) {
      const args = job === undefined ? ['upload', 'photos', ...uploadFlags] : ['resume', job];
      const submitter = processes.start(...args);
      const stop = onAbort(signal, () => submitter.send('SIGKILL'));
      const { code, signal: killedBy, stdout, stderr } = await submitter.ended;
      stop();
      if (code === 0 || code === 3) {
        await settled();
        return { printed: stdout };
      }
      if (killedBy !== 'SIGKILL') return { problem: `imgcls ${args[0]} ended with ${code}: ${stderr}` };
    }
    return { problem: 'hang: the job did not end' };
  } finally {
    forget();
    over.abort();
    await Promise.all(keeping);
  }
}

async function keepRunning(
  processes: Processes,
  args: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const started = processes.start(...args);
    const stop = onAbort(signal, () => started.send('SIGKILL'));
    await started.ended;
    stop();
    await pause(200, signal);
  }
}

/** Kills processes at moments that the seed decides. */
export class Killer {
  kills = 0;
  readonly #processes: Processes;
  readonly #random: Random;
  readonly #most: number;

  constructor(processes: Processes, random: Random, most: number) {
    this.#processes = processes;
    this.#random = random;
    this.#most = most;
  }

  /** Goes on beside the run until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    while (this.kills < this.#most && !signal.aborted) {
      await pause(1500 * this.#random.next(), signal);
      const victim = await pickTarget(this.#processes, this.#random);
      if (victim === undefined || signal.aborted) continue;
      victim.send('SIGKILL');
      this.kills++;
    }
  }
}

/**
 * Stops processes (SIGSTOP) for longer than their leases, and those that may hold the controller lock for longer than that,
 * and continues them: by then others have their messages, and their lock.
 */
export class Stopper {
  stops = 0;
  readonly #options: StopperOptions;

  constructor(options: StopperOptions) {
    this.#options = options;
  }

  /** Until the signal aborts. Then those that are still stopped wake in time, finish what they had begun, and end. */
  async run(signal: AbortSignal): Promise<void> {
    const { processes, random, most } = this.#options;
    const stopped = new Set<Target>();
    const waking: Promise<void>[] = [];
    while (this.stops < most && !signal.aborted) {
      await pause(3000 * random.next(), signal);
      const target = await pickTarget(processes, random);
      if (target === undefined || stopped.has(target) || signal.aborted) continue;
      stopped.add(target);
      waking.push(this.#stop(target, signal));
      this.stops++;
    }
    await Promise.all(waking);
  }

  async #stop(target: Target, signal: AbortSignal): Promise<void> {
    const { random, limitMs } = this.#options;
    target.send('SIGSTOP');
    await wait(limitMs(target.role) * (1.1 + random.next() / 2));
    target.send('SIGCONT');
    if (!signal.aborted) return;
    target.send('SIGTERM');
    await target.gone();
  }
}

interface StopperOptions {
  processes: Processes;
  random: Random;
  most: number;
  /** The longest time after which others take what a process of the role holds. */
  limitMs(role: string): number;
}

/** A process of a role that chance names; undefined where there is none at the moment. */
async function pickTarget(processes: Processes, random: Random): Promise<Target | undefined> {
  const chance = random.next();
  if (chance < 0.2) return (await processes.launched())[0];
  let roles = ['scale'];
  if (chance < 0.6) roles = ['upload', 'resume'];
  else if (chance < 0.85) roles = ['worker'];
  return processes.running(roles)[0];
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}
