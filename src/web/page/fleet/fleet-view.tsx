import '../styles/fleet.css';
import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import type { StatusBody } from '../../api.ts';
import { CopyCurl } from '../controls/copy-curl.tsx';
import { Segments } from '../controls/segments.tsx';
import { query, replaceQuery, setTitle } from '../location.ts';
import { callService } from '../service/call-service.ts';
import { server, unlessSaid } from '../service/server.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { Charts } from './charts.tsx';
import { controllerText, type Figure, figuresOf } from './fleet-text.ts';
import { type Moment, mergeHistory, momentOf } from './series.ts';
import { WorkerTable } from './worker-table.tsx';

const POLL_INTERVAL_MS = 2000;
/** One hour of polls. */
const MAX_MOMENTS = 1800;
const RANGES = [
  { value: 'hour', text: '1 hour' },
  { value: 'day', text: '1 day' },
] as const;

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
  // On one machine there is no fleet to speak of.
  const name = server.value?.cloud === 'local' ? 'Workers' : 'Fleet';
  useEffect(() => setTitle(name), [name]);
  const range = query.value.get('range') === 'day' ? 'day' : 'hour';
  return (
    <section class="fleet" aria-busy={current === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>{server.value?.cloud === 'aws' ? `Fleet of ${server.value.cluster}` : name}</h1>
        <div class="buttons">
          <CopyCurl path="status" />
          <Segments
            legend="Time of the charts"
            segments={RANGES}
            chosen={range}
            onChoose={(value) => replaceQuery({ range: value === 'hour' ? undefined : value })}
          />
        </div>
      </div>
      {unlessSaid(failure.value) !== undefined && <ErrorNotice error={failure.value} isRetrying />}
      {current !== undefined && (
        <>
          <Controller status={current} />
          <dl class="figures" aria-label="Fleet metrics">
            {figuresOf(current).map((figure) => (
              <FigureTile key={figure.name} {...figure} />
            ))}
          </dl>
          <Charts moments={mergeHistory(current.history, moments.current, range)} range={range} />
          <WorkerTable
            workers={current.workers}
            nowMs={current.atMs}
            isScaled={current.controller?.isAlive === true}
          />
        </>
      )}
    </section>
  );
}

function Controller({ status }: { status: StatusBody }) {
  const { title, text, isAlive } = controllerText(status);
  return (
    <section class="card controller" aria-label="Controller">
      <h2 class={`phase ${isAlive ? 'phase-busy' : 'phase-booting'}`}>{title}</h2>
      <p class="muted">{text}</p>
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
