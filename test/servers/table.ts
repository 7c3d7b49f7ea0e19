/** The table of docs/compatibility.md: how many tests of each suite every server passes, and why it misses the others. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
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

const FILE = path.join(import.meta.dirname, '../../docs/compatibility.md');
const BEGIN = '<!-- Made by: npm run test:servers -- --write-docs -->\n';
const END = '<!-- End of what it made. -->\n';

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

/** True if the page has the table. */
export async function isDocumented(table: string): Promise<boolean> {
  return (await readFile(FILE, 'utf8')).includes(`${BEGIN}${table}${END}`);
}

export async function writeTable(table: string): Promise<void> {
  const page = await readFile(FILE, 'utf8');
  const before = page.slice(0, page.indexOf(BEGIN));
  const after = page.slice(page.indexOf(END));
  await writeFile(FILE, `${before}${BEGIN}${table}${after}`);
}
