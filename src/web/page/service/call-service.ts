import { signal } from '@preact/signals';
import type { Problem } from '../../api.ts';

/** Whether the service has asked for its token and not got it yet. */
export const needsToken = signal(false);

/** What the service refused, or that it cannot be reached (status 0), in words for its user. */
export class ServiceError extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, detail: string, hint?: string) {
    super(detail);
    this.status = status;
    this.hint = hint;
  }
}

/** Resolves once the user has given the token. */
export async function tokenGiven(): Promise<void> {
  needsToken.value = true;
  await new Promise<void>((resolve) => {
    const stop = needsToken.subscribe((isNeeded) => {
      if (isNeeded) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

/** Asks the service, the token's form in between where it is needed. @throws {ServiceError} */
export async function ask<T>(path: string, init: RequestInit = {}): Promise<T> {
  for (;;) {
    const response = await send(path, init);
    if (response.status === 401) {
      await tokenGiven();
      continue;
    }
    if (!response.ok) throw problemOf(response.status, await response.text());
    return (response.status === 204 ? undefined : await response.json()) as T;
  }
}

/** @returns whether it is the right one. */
export async function giveToken(token: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  const response = await send('/session', { method: 'POST', headers, body: JSON.stringify({ token }) });
  if (response.status === 401 || response.status === 403) return false;
  if (!response.ok) throw problemOf(response.status, await response.text());
  needsToken.value = false;
  return true;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`/v1${path}`, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new ServiceError(0, 'The service cannot be reached.', 'Is it still running?');
  }
}

/** What an answer that is no success says; a proxy's may be anything. */
export function problemOf(status: number, text: string): ServiceError {
  try {
    const { title, detail, hint } = JSON.parse(text) as Partial<Problem>;
    const said = detail ?? title;
    if (typeof said === 'string') return new ServiceError(status, said, hint);
  } catch {
    // Said below.
  }
  return new ServiceError(status, `The service answered with status ${status}.`);
}
