// Opens what a command needs, closes it afterwards, and turns interrupts into an abort signal.

import { openClient, openCloud } from '../app/open-cloud.ts';
import { openServiceNotifier } from '../app/open-service-notifier.ts';
import type { ServiceNotifier } from '../app/service-notifier.ts';
import { loadSettings, type RunSettings } from '../app/settings.ts';
import type { Client } from '../client/client.ts';
import type { Cloud } from '../core/cloud/ports.ts';
import { Cleanup } from '../core/runtime/cleanup.ts';
import type { SettingName } from '../core/settings/settings.ts';
import { InterruptedError } from './terminal/exit.ts';
import { notice } from './terminal/notice.ts';

export interface Run {
  settings: RunSettings;
  cloud: Cloud;
  client: Client;
  /** What runs this command as a service: systemd or a container, if any. */
  manager: ServiceNotifier;
  /** Aborts at the first SIGINT or SIGTERM; a second one ends the process. */
  interrupted: AbortSignal;
}

/** Runs `act` with the cluster's cloud and a client, and closes both afterwards, also after an error. */
export async function withRun<T>(
  flags: Partial<Record<SettingName, unknown>>,
  act: (run: Run) => Promise<T>,
): Promise<T> {
  const { settings } = loadSettings(flags);
  return await withInterrupt('Nothing is lost. Run the command again.', async (interrupted, cleanup) => {
    const manager = openServiceNotifier(process.env, notice);
    cleanup.add(() => manager.close());
    const cloud = await openCloud(settings);
    cleanup.add(() => cloud.close());
    const client = openClient(cloud, settings, notice);
    cleanup.add(() => client.close());
    return await act({ settings, cloud, client, manager, interrupted });
  });
}

/**
 * Runs `act` with a signal that aborts at the first SIGINT or SIGTERM, and with a cleanup that runs afterwards.
 * @param advice how to continue after an interrupt, unless `act` throws an {@link InterruptedError} itself.
 */
export async function withInterrupt<T>(
  advice: string,
  act: (interrupted: AbortSignal, cleanup: Cleanup) => Promise<T>,
): Promise<T> {
  const cleanup = new Cleanup();
  const interrupted = new AbortController();
  try {
    const interrupt = () => {
      if (interrupted.signal.aborted) process.exit(130);
      interrupted.abort();
    };
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      process.on(signal, interrupt);
      cleanup.add(() => void process.off(signal, interrupt));
    }
    return await act(interrupted.signal, cleanup);
  } catch (error) {
    if (!interrupted.signal.aborted || error instanceof InterruptedError) throw error;
    throw new InterruptedError(advice);
  } finally {
    await cleanup.run();
  }
}
