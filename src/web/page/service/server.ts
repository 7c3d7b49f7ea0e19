import { signal } from '@preact/signals';
import type { ModelList, ServerView } from '../../api.ts';
import { callService, needsToken, ServiceError } from './call-service.ts';
import { pauseMs } from './retry.ts';
import { sleepUntilOnline } from './sleep-until-online.ts';

/** What the service is and accepts; undefined until it has responded. */
export const server = signal<ServerView | undefined>();
export const serverError = signal<ServiceError | undefined>();

/** The error of a view, unless the page says already that the service cannot be reached. */
export const unlessSaid = (error: unknown): unknown =>
  error instanceof ServiceError && error.status === 0 && serverError.value?.status === 0 ? undefined : error;

/** Loads `server`, with retries. */
export async function loadServer(signal: AbortSignal): Promise<void> {
  for (let failures = 1; ; failures++) {
    try {
      server.value = await callService<ServerView>('/server', { signal });
      serverError.value = undefined;
      return;
    } catch (error) {
      if (signal.aborted) return;
      serverError.value = error instanceof ServiceError ? error : new ServiceError(0, String(error));
      await sleepUntilOnline(pauseMs(failures), signal);
    }
  }
}

/** Deletes the session, and shows the token form. */
export async function logOut(): Promise<void> {
  try {
    await callService('/session', { method: 'DELETE' });
    serverError.value = undefined;
    needsToken.value = true;
  } catch (error) {
    serverError.value = error as ServiceError;
  }
}

export async function listModels(): Promise<ModelList['models']> {
  return (await callService<ModelList>('/models')).models;
}

/** Resolves when `server` is loaded. */
export const serverLoaded = (): Promise<ServerView> =>
  new Promise((resolve) => {
    const stop = server.subscribe((view) => {
      if (view === undefined) return;
      resolve(view);
      queueMicrotask(() => stop());
    });
  });
