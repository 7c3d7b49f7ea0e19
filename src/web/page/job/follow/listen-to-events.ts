import type { JobEvent } from '../../../api.ts';
import { pauseMs } from '../../service/retry.ts';

export interface JobEventListener {
  snapshot(event: JobEvent): void;
  progress(event: JobEvent): void;
  gone(): void;
  /** The connection is lost. It is retried until it is closed. */
  lost(): void;
  /** The service refused the stream. @returns whether to retry. */
  refused(): Promise<boolean>;
}

/** Listens to a job's events and reconnects when the connection is lost. @returns a function that stops it. */
export function listenToEvents(id: string, listener: JobEventListener): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;

  function open() {
    if (isClosed) return;
    source = new EventSource(`v1/jobs/${id}/events`);
    source.addEventListener('snapshot', ({ data }) => {
      failures = 0;
      listener.snapshot(JSON.parse(data) as JobEvent);
    });
    source.addEventListener('progress', ({ data }) => listener.progress(JSON.parse(data) as JobEvent));
    source.addEventListener('gone', () => {
      close();
      listener.gone();
    });
    source.addEventListener('error', () => {
      listener.lost();
      // The browser reconnects after a lost connection, but not after an error response.
      if (source?.readyState === EventSource.CLOSED) void reopen();
    });
  }

  async function reopen() {
    failures++;
    if (!(await listener.refused())) close();
    else if (!isClosed) timer = setTimeout(open, pauseMs(failures));
  }

  function close() {
    isClosed = true;
    clearTimeout(timer);
    source?.close();
  }

  open();
  return close;
}
