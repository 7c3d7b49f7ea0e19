/** Keeps a job going against all that kills its processes. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../../src/bench/random.ts';
import { onAbort } from '../../src/core/runtime/abort.ts';
import { kill, type Processes } from './processes.ts';

export interface Drive {
  processes: Processes;
  /** Commands that run beside the submitter and are started again whenever they end. */
  helpers: readonly string[][];
  uploadFlags: readonly string[];
  /** The job that is there, if any. */
  findJob(): Promise<string | undefined>;
  /** Gives up. */
  signal: AbortSignal;
}

/** What the submitter that saw the job's end printed, or why there is no such thing. */
export type Driven = { printed: string } | { problem: string };

/** Submits, and resumes whatever was killed, until the job is at its end or the signal aborts. */
export async function drive({ processes, helpers, uploadFlags, findJob, signal }: Drive): Promise<Driven> {
  const over = new AbortController();
  const forget = onAbort(signal, () => over.abort());
  const keeping = helpers.map((args) => keepRunning(processes, args, over.signal));
  try {
    for (let job: string | undefined; !signal.aborted; job ??= await findJob()) {
      const args = job === undefined ? ['upload', 'photos', ...uploadFlags] : ['resume', job];
      const submitter = processes.start(...args);
      const stop = onAbort(signal, () => submitter.kill());
      const { code, signal: killedBy, stdout, stderr } = await submitter.ended;
      stop();
      if (code === 0 || code === 3) return { printed: stdout };
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
    const stop = onAbort(signal, () => started.kill());
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
      const victim = await this.#victim();
      if (victim === undefined || signal.aborted) continue;
      victim();
      this.kills++;
    }
  }

  /** How to kill one process of a role that chance names; undefined where there is none at the moment. */
  async #victim(): Promise<(() => void) | undefined> {
    const chance = this.#random.next();
    if (chance < 0.2) {
      const [pid] = await this.#processes.launched();
      return pid === undefined ? undefined : () => kill(pid);
    }
    let roles = ['scale'];
    if (chance < 0.6) roles = ['upload', 'resume'];
    else if (chance < 0.85) roles = ['worker'];
    const [victim] = this.#processes.running(roles);
    return victim && (() => victim.kill());
  }
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}
