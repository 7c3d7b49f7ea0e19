/**
 * Runs the contract suites and the program against S3 and SQS servers that are not AWS's.
 *
 *     npm run test:servers [-- --write-docs]     all, and compares the table of docs/compatibility.md or writes it
 *     npm run test:servers -- LocalStack         the suites over one server
 */
import path from 'node:path';
import { parseArgs } from 'node:util';
import { startVitest } from 'vitest/node';
import { isInstalled, SERVERS, type Server, type Suite, serverOf } from './servers.ts';
import { documented, type Measured, tableOf } from './table.ts';

const { values: flags, positionals: names } = parseArgs({
  options: { 'write-docs': { type: 'boolean', default: false } },
  allowPositionals: true,
});

const chosen = names.length === 0 ? SERVERS : names.map(serverOf);
const missing = chosen.filter((server) => !isInstalled(server));
if (missing.length > 0) {
  const list = missing.map(({ name, version }) => `${name} ${version}`).join(', ');
  console.error(`Not installed: ${list}. To install: npm run install:servers`);
  process.exit(2);
}

const vitest = await startVitest('test', [], {
  config: path.join(import.meta.dirname, 'vitest.config.ts'),
  project: names,
  watch: false,
});
if (names.length === 0 && !process.exitCode) {
  const suites = SERVERS.flatMap((server) => server.serves.map((suite) => measured(server, suite)));
  await compare(tableOf(suites));
}
await vitest.close();

function measured({ name, version }: Server, suite: Suite): Measured {
  const module = vitest.state
    .getTestModules()
    .find(({ project, moduleId }) => project.name === name && moduleId.endsWith(`/${suite}.test.ts`));
  const passed = [...(module?.children.allTests('passed') ?? [])];
  const misses = passed.map((test) => test.meta().miss?.reason).filter((miss) => miss !== undefined);
  return { server: name, version, suite, passed: passed.length - misses.length, misses };
}

async function compare(table: string): Promise<void> {
  console.log(table);
  if (flags['write-docs']) return await documented.write(table);
  if (await documented.is(table)) return;
  console.error('docs/compatibility.md has another table. To write it: npm run test:servers -- --write-docs');
  process.exitCode = 1;
}
