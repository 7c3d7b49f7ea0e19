import { isUnknown } from '../../../core/runtime/unknown.ts';
import type { StatusBody } from '../../api.ts';
import { Notice } from '../shell/notice.tsx';
import { workerCells } from './fleet-text.ts';

const heads = ['Worker', 'State', 'Host', 'Uptime', 'Images', 'Images/s', 'Memory'];

export function WorkerTable({ workers, nowMs }: { workers: StatusBody['workers']; nowMs: number }) {
  return (
    <section>
      <h2 id="workers-title">Workers</h2>
      {isUnknown(workers) ? (
        <Notice kind="warning">Cannot read the workers: {workers.unknown}</Notice>
      ) : workers.length === 0 ? (
        <p class="empty">
          No workers are running. A controller (<code>imgcls scale</code>) starts them when there is work. To
          start one yourself, run <code>imgcls worker</code>.
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a scrollable region must be reachable by keyboard.
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
