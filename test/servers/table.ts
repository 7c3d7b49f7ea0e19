/** The table of docs/compatibility.md: how many tests of each suite every server passes, and why it misses the others. */
import { MadePart } from '../../tools/made-part.ts';
import type { Suite } from './servers.ts';

/** One suite over one server. */
export interface Measured {
  server: string;
  version: string;
  suite: Suite;
  passed: number;
  /** The reasons. */
  misses: readonly string[];
}

/** Where the table is documented. */
export const documented = new MadePart('docs/compatibility.md', 'npm run test:servers -- --write-docs');

export function tableOf(measured: readonly Measured[]): string {
  const total = (suite: Suite): number => {
    const totals = measured.filter((each) => each.suite === suite);
    return Math.max(...totals.map(({ passed, misses }) => passed + misses.length));
  };
  const servers = Map.groupBy(measured, ({ server, version }) => `${server} ${version}`);
  const rows = [...servers].map(([server, suites]) => {
    const passed = (suite: Suite) => suites.find((each) => each.suite === suite)?.passed ?? '-';
    const reasons = suites.flatMap(({ misses }) => misses).join('; ');
    return `| ${server} | ${passed('store')} | ${passed('queues')} | ${reasons} |`;
  });
  return [
    `| server | store (${total('store')}) | queues (${total('queues')}) | misses |`,
    '|---|---:|---:|---|',
    ...rows,
    '',
  ].join('\n');
}
