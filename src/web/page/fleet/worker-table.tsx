import { isUnknown } from '../../../core/runtime/unknown.ts';
import type { StatusBody } from '../../api.ts';
import { Notice } from '../shell/notice.tsx';
import { workerCells } from './fleet-text.ts';

/** The end of an id tells workers apart; its begin is their time. */
const shortId = (id: string): string => (id.length > 12 ? `…${id.slice(-8)}` : id);

const heads = ['Worker', 'State', 'Host', 'Uptime', 'Photos', 'Photos/s', 'Memory'];

/** Columns that a phone has no room for. */
const wideHeads = ['Host', 'Uptime', 'Memory'];
const classOf = (head: string | undefined): string => (wideHeads.includes(head ?? '') ? 'wide' : '');

interface WorkerTableProps {
  workers: StatusBody['workers'];
  nowMs: number;
  /** Whether a controller starts workers when there is work. */
  isScaled: boolean;
}

export function WorkerTable({ workers, nowMs, isScaled }: WorkerTableProps) {
  return (
    <section>
      <h2 id="workers-title">Workers</h2>
      {isUnknown(workers) ? (
        <Notice kind="warning">Cannot read the workers: {workers.unknown}</Notice>
      ) : workers.length === 0 ? (
        <p class="empty">
          {isScaled ? (
            'No workers are running. They start when there is work.'
          ) : (
            <>
              No workers are running, and no controller starts them. Run <code>imgcls scale</code> or{' '}
              <code>imgcls worker</code>.
            </>
          )}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard.
        <section class="card table-scroll" aria-labelledby="workers-title" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {heads.map((head) => (
                  <th key={head} scope="col" class={classOf(head)}>
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <tr key={worker.id}>
                  <th scope="row">
                    <code title={worker.id}>{shortId(worker.id)}</code>
                  </th>
                  {workerCells(worker, nowMs).map((cell, at) => (
                    <td
                      key={heads[at + 1]}
                      class={at === 0 ? `phase phase-${worker.phase}` : classOf(heads[at + 1])}
                    >
                      {cell}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
    </section>
  );
}
