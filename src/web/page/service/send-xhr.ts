/** One request with a body whose sending shows. XMLHttpRequest, because fetch tells no progress of an upload. */

export interface Answer {
  status: number;
  text: string;
  retryAfter: string | null;
}

export interface Sending {
  method: 'POST' | 'PUT';
  url: string;
  headers: Readonly<Record<string, string>>;
  body: XMLHttpRequestBodyInit;
  onProgress?(sentBytes: number, totalBytes: number): void;
  /** Everything is sent; the answer is still to come. */
  onSent?(): void;
  /** Given up when nothing moves for so long; else it takes the time it takes. */
  stallMs?: number;
}

/** `undefined`: the connection was lost or could not be made, or the other end is none for this page. Aborted likewise. */
export async function exchange(sending: Sending, signal: AbortSignal): Promise<Answer | undefined> {
  const { method, url, headers, body, onProgress, onSent, stallMs } = sending;
  const request = new XMLHttpRequest();
  request.open(method, url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  const stop = () => request.abort();
  let stalled: ReturnType<typeof setTimeout> | undefined;
  const moved = () => {
    clearTimeout(stalled);
    if (stallMs !== undefined) stalled = setTimeout(stop, stallMs);
  };
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    moved();
    onProgress?.(loaded, total);
  });
  request.upload.addEventListener('load', () => onSent?.());
  signal.addEventListener('abort', stop, { once: true });
  return await new Promise<Answer | undefined>((resolve) => {
    request.addEventListener('loadend', () => {
      clearTimeout(stalled);
      signal.removeEventListener('abort', stop);
      const { status, responseText: text } = request;
      const isLost = status === 0;
      resolve(isLost ? undefined : { status, text, retryAfter: request.getResponseHeader('retry-after') });
    });
    request.send(body);
    moved();
  });
}
