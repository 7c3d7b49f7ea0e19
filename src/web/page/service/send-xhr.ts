/** Requests that report their upload progress, which fetch cannot: hence XMLHttpRequest. */

export interface XhrResponse {
  status: number;
  text: string;
  retryAfter: string | null;
}

export interface XhrRequest {
  method: 'POST' | 'PUT';
  url: string;
  headers: Readonly<Record<string, string>>;
  body: XMLHttpRequestBodyInit;
  onProgress?(sentBytes: number, totalBytes: number): void;
  /** The body is sent, and the response is awaited. */
  onSent?(): void;
  /** Aborts after this time without progress. Without it there is no timeout. */
  stallMs?: number;
}

/** @returns undefined if the connection failed, CORS forbade the request, or it was aborted or stalled. */
export async function sendXhr(options: XhrRequest, signal: AbortSignal): Promise<XhrResponse | undefined> {
  const { method, url, headers, body, onProgress, onSent, stallMs } = options;
  const request = new XMLHttpRequest();
  request.open(method, url);
  for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
  const abort = () => request.abort();
  let stallTimer: ReturnType<typeof setTimeout> | undefined;
  const restartStallTimer = () => {
    clearTimeout(stallTimer);
    if (stallMs !== undefined) stallTimer = setTimeout(abort, stallMs);
  };
  request.upload.addEventListener('progress', ({ loaded, total }) => {
    restartStallTimer();
    onProgress?.(loaded, total);
  });
  request.upload.addEventListener('load', () => onSent?.());
  signal.addEventListener('abort', abort, { once: true });
  return await new Promise<XhrResponse | undefined>((resolve) => {
    request.addEventListener('loadend', () => {
      clearTimeout(stallTimer);
      signal.removeEventListener('abort', abort);
      const { status, responseText: text } = request;
      const isLost = status === 0;
      resolve(isLost ? undefined : { status, text, retryAfter: request.getResponseHeader('retry-after') });
    });
    request.send(body);
    restartStallTimer();
  });
}
