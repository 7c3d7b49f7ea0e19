import { availableParallelism, hostname } from 'node:os';
import path from 'node:path';
import pino from 'pino';
import { NO_CONTROLLER_EXIT_MS } from '../core/fleet.ts';
import type { Log } from '../core/log.ts';
import { createModelFiles } from '../model/fetch.ts';
import { runWorker } from '../worker/worker.ts';
import { systemClock } from './clock.ts';
import { newWorkerId, openCloud } from './compose.ts';
import { openLibrary } from './models.ts';
import { loadSettings, type RunSettings } from './settings.ts';
import { version } from './version.ts';

/** Flags of `imgcls worker`, as parsed. */
export interface WorkerFlags {
  once?: boolean;
  idleExit?: number;
  runners?: number;
  id?: string;
  managed?: boolean;
  cluster?: string;
  dataDir?: string;
}

/** Runs `imgcls worker` until it drains: by a signal, for want of work, or for want of a controller. */
export async function worker(flags: WorkerFlags): Promise<void> {
  const { runners, cluster, dataDir } = flags;
  const { settings } = loadSettings({ runners, cluster, dataDir });
  const log = openLog(settings);
  const { drain, force, release } = listenForSignals(log);
  const cloud = await openCloud(settings);
  try {
    await runWorker({
      cloud,
      workerId: flags.id ?? newWorkerId(),
      host: hostname(),
      version,
      runners: settings.runners ?? availableParallelism(),
      runnerEntry: runnerEntry(),
      runnerArgs: [
        JSON.stringify({ maxPixels: settings.maxPixels, decodeTimeoutMs: settings.decodeTimeoutMs }),
      ],
      models: createModelFiles({
        library: openLibrary(settings),
        output: cloud.output,
        cacheDir: path.join(settings.dataDir, 'model-cache'),
        log,
      }),
      clock: systemClock,
      log,
      maxImageBytes: settings.maxImageBytes,
      once: flags.once ?? false,
      ...(flags.idleExit !== undefined && { idleExitMs: flags.idleExit }),
      ...(flags.managed === true && { exitWithoutControllerMs: NO_CONTROLLER_EXIT_MS }),
      drain,
      force,
    });
  } finally {
    release();
    await cloud.close();
  }
}

/** Standard error, since standard output is for results alone; synchronous, so that the last words are never lost. */
function openLog({ logLevel, cluster }: RunSettings): Log {
  return pino(
    { level: logLevel, base: { pid: process.pid, cluster }, serializers: { error: pino.stdSerializers.err } },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** From src/ in a clone, from dist/ in the package. */
function runnerEntry(): URL {
  const ending = path.extname(import.meta.url);
  return new URL(`../model/runner-main${ending}`, import.meta.url);
}

/** The first signal drains; the second ends at once. */
function listenForSignals(log: Log) {
  const drain = new AbortController();
  const force = new AbortController();
  const onSignal = (signal: string) => {
    log.info({ signal }, drain.signal.aborted ? 'ending at once' : 'draining');
    if (drain.signal.aborted) force.abort();
    else drain.abort();
  };
  const signals = ['SIGTERM', 'SIGINT'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return {
    drain: drain.signal,
    force: force.signal,
    release() {
      for (const signal of signals) process.off(signal, onSignal);
    },
  };
}
