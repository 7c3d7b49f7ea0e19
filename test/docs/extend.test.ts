/** The guide for fleet drivers, followed literally: its files, as they stand there, compile and fulfil the contract. */
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';
import { afterAll, describe, expect, it } from 'vitest';
import type { FleetDriver } from '../../src/scaler/fleet.ts';
import { describeFleetDriver } from '../contract/fleet-suite.ts';
import { pages, repository } from './pages.ts';

const GUIDE = 'docs/extend/fleet-driver.md';
const DRIVER = 'src/scaler/drivers/pretended.ts';
const SUITE = 'test/contract/pretended-fleet.test.ts';

/** The files of the guide, by the names in their first lines. */
const files = new Map(
  pages
    .find(({ file }) => file === GUIDE)
    ?.blocks.map(({ text }) => [/^\/\/ (\S+)\n/.exec(text)?.[1] ?? '', text] as const)
    .filter(([file]) => file !== ''),
);

/** A copy of the parts of the tree that they import, with them in it. */
const tree = await mkdtemp(path.join(tmpdir(), 'imgcls-guide-'));
for (const folder of ['src', 'test/contract'])
  await cp(path.join(repository, folder), path.join(tree, folder), { recursive: true });
await symlink(path.join(repository, 'node_modules'), path.join(tree, 'node_modules'));
await writeFile(path.join(tree, 'package.json'), '{ "type": "module" }');
for (const [file, text] of files) {
  await mkdir(path.dirname(path.join(tree, file)), { recursive: true });
  await writeFile(path.join(tree, file), text);
}
afterAll(() => rm(tree, { recursive: true }));

interface DriverModule {
  createPretendedFleet(machines: Map<string, unknown>, nowMs: () => number): FleetDriver;
}
const { createPretendedFleet }: DriverModule = await import(path.join(tree, DRIVER));

describe(GUIDE, () => {
  it('has a driver and its test', () => {
    expect([...files.keys()]).toEqual([DRIVER, SUITE]);
  });

  it('has files that compile', () => {
    const program = ts.createProgram(
      [...files.keys()].map((file) => path.join(tree, file)),
      {
        target: ts.ScriptTarget.ES2024,
        module: ts.ModuleKind.NodeNext,
        types: ['node'],
        strict: true,
        allowImportingTsExtensions: true,
        skipLibCheck: true,
        noEmit: true,
      },
    );
    const problems = [...files.keys()]
      .map((file) => program.getSourceFile(path.join(tree, file)))
      .flatMap((source) => program.getSemanticDiagnostics(source))
      .map(
        ({ file, messageText }) => `${file?.fileName}: ${ts.flattenDiagnosticMessageText(messageText, '\n')}`,
      );
    expect(problems).toEqual([]);
  });
});

describeFleetDriver('the driver of the guide', async () => {
  const machines = new Map();
  return { driver: () => createPretendedFleet(machines, Date.now), release: async () => machines.clear() };
});
