import { useSignal } from '@preact/signals';
import { useRef } from 'preact/hooks';
import type { StatusBody } from '../../api.ts';
import { ask } from '../service/call-service.ts';
import { ErrorNotice, Notice } from '../shell/notice.tsx';
import { usePolling } from '../shell/use-polling.ts';
import { Charts } from './charts.tsx';
import { controllerWords, type Figure, figuresOf } from './fleet-text.ts';
import { type Moment, merged, momentOf } from './series.ts';
import { WorkerTable } from './worker-table.tsx';

const LOOK_MS = 2000;
/** An hour of looks. */
const REMEMBERED = 1800;

/** What works, what waits, and why the fleet is the size it is. */
export function FleetView() {
  const status = useSignal<StatusBody | undefined>(undefined);
  const trouble = useSignal<unknown>(undefined);
  const seen = useRef<Moment[]>([]);
  usePolling(async (signal) => {
    try {
      const now = await ask<StatusBody>('/status', { signal });
      seen.current = [...seen.current, momentOf(now)].slice(-REMEMBERED);
      status.value = now;
      trouble.value = undefined;
    } catch (error) {
      if (!signal.aborted) trouble.value = error;
    }
  }, LOOK_MS);
  const now = status.value;
  return (
    <section class="fleet" aria-busy={now === undefined}>
      <div class="view-head">
        <h1 tabIndex={-1}>Fleet</h1>
        {now !== undefined && (
          <span class="muted">
            {now.cluster} · {now.cloud === 'aws' ? 'AWS' : 'this machine'}
          </span>
        )}
      </div>
      {trouble.value !== undefined && <ErrorNotice error={trouble.value} isTriedAgain />}
      {now !== undefined && (
        <>
          <Controller status={now} />
          <dl class="figures" aria-label="Figures of the fleet">
            {figuresOf(now).map((figure) => (
              <FigureTile key={figure.name} {...figure} />
            ))}
          </dl>
          <Charts moments={merged(now.history, seen.current)} />
          <WorkerTable workers={now.workers} nowMs={now.atMs} />
        </>
      )}
    </section>
  );
}

function Controller({ status }: { status: StatusBody }) {
  const { title, text, isQuiet } = controllerWords(status);
  return (
    <section class={`card controller ${isQuiet ? '' : 'controller-none'}`} aria-label="Controller">
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
      <dd class={value === undefined ? 'figure-unknown' : 'figure-value'}>{value ?? 'Could not be read'}</dd>
      <dd class="small">{note}</dd>
    </div>
  );
}
