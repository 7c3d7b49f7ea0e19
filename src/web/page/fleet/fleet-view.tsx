import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { StatusBody } from '../../api.ts';
import { callService } from '../service/call-service.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { Charts } from './charts.tsx';
import { controllerText, type Figure, figuresOf } from './fleet-text.ts';
import { type Moment, mergeHistory, momentOf } from './series.ts';
import { WorkerTable } from './worker-table.tsx';

const POLL_INTERVAL_MS = 2000;
/** One hour of polls. */
const MAX_MOMENTS = 1800;

/** Queues, workers, and why the fleet has its size. */
export function FleetView() {
  const status = useSignal<StatusBody | undefined>(undefined);
  const failure = useSignal<unknown>(undefined);
  const moments = useRef<Moment[]>([]);
  usePolling(async (signal) => {
    try {
      const current = await callService<StatusBody>('/status', { signal });
      moments.current = [...moments.current, momentOf(current)].slice(-MAX_MOMENTS);
      status.value = current;
      failure.value = undefined;
    } catch (error) {
      if (!signal.aborted) failure.value = error;
    }
  }, POLL_INTERVAL_MS);
  const current = status.value;
  return (
    <section class="fleet" aria-busy={current === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>Fleet</h1>
        {current !== undefined && (
          <span class="muted">
            {current.cluster} · {current.cloud === 'aws' ? 'AWS' : 'this machine'}
          </span>
        )}
      </div>
      {failure.value !== undefined && <ErrorNotice error={failure.value} isRetrying />}
      {current !== undefined && (
        <>
          <Controller status={current} />
          <dl class="figures" aria-label="Fleet metrics">
            {figuresOf(current).map((figure) => (
              <FigureTile key={figure.name} {...figure} />
            ))}
          </dl>
          <Charts moments={mergeHistory(current.history, moments.current)} />
          <WorkerTable workers={current.workers} nowMs={current.atMs} />
        </>
      )}
    </section>
  );
}

function Controller({ status }: { status: StatusBody }) {
  const { title, text, isAlive } = controllerText(status);
  return (
    <section class={`card controller ${isAlive ? '' : 'controller-none'}`} aria-label="Controller">
      <h2>{title}</h2>
      <p>{text}</p>
      {status.controller?.warnings.map((warning) => (
        <Notice key={warning} kind="warning">
          {warning}
        </Notice>
      ))}
    </section>
  );
}

function FigureTile({ name, value, note }: Figure) {
  return (
    <div class="card figure">
      <dt>{name}</dt>
      <dd class={value === undefined ? 'figure-unknown' : 'figure-value'}>{value ?? 'Unknown'}</dd>
      <dd class="small">{note}</dd>
    </div>
  );
}
