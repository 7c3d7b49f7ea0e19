import { signal } from '@preact/signals';
import type { Problem } from '../../api.ts';

/** Whether the service requires a token that the user has not entered yet. */
export const needsToken = signal(false);

/** An error response, or status 0 if the service cannot be reached. The message is for the user. */
export class ServiceError extends Error {
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, detail: string, hint?: string) {
    super(detail);
    this.status = status;
    this.hint = hint;
  }
}

/** Shows the token form. Resolves when the user has entered the right token. */
export async function waitForToken(): Promise<void> {
  needsToken.value = true;
  await new Promise<void>((resolve) => {
    const stop = needsToken.subscribe((isNeeded) => {
      if (isNeeded) return;
      resolve();
      queueMicrotask(() => stop());
    });
  });
}

/** Sends a request. If it needs a token, waits for the token form and repeats it. @throws {ServiceError} */
export async function callService<T>(path: string, init: RequestInit = {}): Promise<T> {
  for (;;) {
    const response = await send(path, init);
    if (response.status === 401) {
      await waitForToken();
      continue;
    }
    const text = await textOf(response, init.signal);
    if (!response.ok) throw serviceErrorOf(response.status, text);
    return (response.status === 204 ? undefined : parse(text)) as T;
  }
}

/** @returns whether the token is right. */
export async function submitToken(token: string): Promise<boolean> {
  const headers = { 'content-type': 'application/json' };
  const response = await send('/session', { method: 'POST', headers, body: JSON.stringify({ token }) });
  if (response.status === 401 || response.status === 403) return false;
  if (!response.ok) throw serviceErrorOf(response.status, await textOf(response));
  needsToken.value = false;
  return true;
}

async function send(path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`v1${path}`, { credentials: 'same-origin', ...init });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw unreachable();
  }
}

/** The connection may end within the body. */
async function textOf(response: Response, signal?: AbortSignal | null): Promise<string> {
  try {
    return await response.text();
  } catch (error) {
    if (signal?.aborted) throw error;
    throw unreachable();
  }
}

const unreachable = (): ServiceError =>
  navigator.onLine
    ? new ServiceError(0, 'Cannot reach the service.', 'Check that it is running.')
    : new ServiceError(0, 'You are offline.');

/** @throws {ServiceError} for a page of a proxy or of a sign-in, which come with a good status. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new ServiceError(
      0,
      'The response is not from imgcls.',
      'Check the address, and the proxy if there is one.',
    );
  }
}

/** The error of a response. A proxy's response need not be a problem document. */
export function serviceErrorOf(status: number, text: string): ServiceError {
  try {
    const { title, detail, hint } = JSON.parse(text) as Partial<Problem>;
    const message = detail ?? title;
    if (typeof message === 'string') return new ServiceError(status, message, hint);
  } catch {
    // Not JSON.
  }
  return new ServiceError(status, `The service responded with status ${status}.`);
}
