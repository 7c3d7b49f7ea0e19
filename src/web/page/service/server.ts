import { signal } from '@preact/signals';
import type { ModelList, ServerView } from '../../api.ts';
import { ask, ServiceError } from './call-service.ts';
import { pauseMs } from './retry.ts';
import { sleepUntilOnline } from './sleep-until-online.ts';

/** What the service is and takes; absent until it has answered. */
export const server = signal<ServerView | undefined>();
export const serverTrouble = signal<ServiceError | undefined>();

/** Asks until there is an answer. */
export async function meetServer(signal: AbortSignal): Promise<void> {
  for (let failures = 1; ; failures++) {
    try {
      server.value = await ask<ServerView>('/server', { signal });
      serverTrouble.value = undefined;
      return;
    } catch (error) {
      if (signal.aborted) return;
      serverTrouble.value = error instanceof ServiceError ? error : new ServiceError(0, String(error));
      await sleepUntilOnline(pauseMs(failures), signal);
    }
  }
}

export async function listModels(): Promise<ModelList['models']> {
  return (await ask<ModelList>('/models')).models;
}

/** What the service takes, as soon as it says so. */
export const serverKnown = (): Promise<ServerView> =>
  new Promise((resolve) => {
    const stop = server.subscribe((known) => {
      if (known === undefined) return;
      resolve(known);
      queueMicrotask(() => stop());
    });
  });
