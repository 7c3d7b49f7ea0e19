import type { JobEvent } from '../../api.ts';
import { pauseMs } from '../service/retry.ts';

export interface JobListener {
  snapshot(event: JobEvent): void;
  progress(event: JobEvent): void;
  gone(): void;
  /** The connection does not stand; it is tried again until `close`. */
  lost(): void;
  /** The service refused the events: find out why. @returns whether to go on trying. */
  refused(): Promise<boolean>;
}

/** Follows a job's events, through lost connections. @returns how to stop. */
export function listen(id: string, listener: JobListener): () => void {
  let source: EventSource | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let failures = 0;
  let isClosed = false;

  function open() {
    if (isClosed) return;
    source = new EventSource(`/v1/jobs/${id}/events`);
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
      // A connection that broke is opened again by the browser; one that was refused is not.
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
