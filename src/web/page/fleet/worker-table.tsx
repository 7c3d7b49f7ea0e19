import type { StatusBody } from '../../api.ts';
import { Notice } from '../shell/notice.tsx';
import { workerCells } from './fleet-text.ts';
import { isUnknown } from './series.ts';

const heads = ['Worker', 'State', 'Host', 'Since', 'Images', 'Images/s', 'Memory'];

export function WorkerTable({ workers, nowMs }: { workers: StatusBody['workers']; nowMs: number }) {
  return (
    <section>
      <h2 id="workers-title">Workers</h2>
      {isUnknown(workers) ? (
        <Notice kind="warning">The workers could not be read: {workers.unknown}</Notice>
      ) : workers.length === 0 ? (
        <p class="empty">
          No worker is running. A controller starts them while there is work (<code>imgcls scale</code>); a
          single one is started with <code>imgcls worker</code>.
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reachable by keyboard.
        <section class="card table-scroll" aria-labelledby="workers-title" tabIndex={0}>
          <table>
            <thead>
              <tr>
                {heads.map((head) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {workers.map((worker) => (
                <tr key={worker.id}>
                  <th scope="row">
                    <code>{worker.id}</code>
                  </th>
                  {workerCells(worker, nowMs).map((cell, at) => (
                    <td key={heads[at + 1]} class={at === 0 ? `phase phase-${worker.phase}` : ''}>
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
