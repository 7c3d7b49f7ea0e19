/** Checks files in formats of others against the schemas of their makers, which check-jsonschema contains. */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { repository } from '../../e2e/package.ts';
import { findings, installLinters } from './linters.ts';

const linters = await installLinters();

/** What the schema refuses. */
async function problemsOf(schema: string, files: readonly string[]): Promise<unknown[]> {
  const args = ['-m', 'check_jsonschema', '--output-format', 'json', '--builtin-schema', schema, ...files];
  const { status, errors = [] } = JSON.parse(await findings(linters?.python ?? '', args, repository));
  expect(status).toBe(errors.length === 0 ? 'ok' : 'fail');
  return errors;
}

it.skipIf(linters === undefined).each([
  ['vendor.compose-spec', ['compose.yaml']],
  ['vendor.dependabot', ['.github/dependabot.yml']],
  ['vendor.github-issue-forms', ['.github/ISSUE_TEMPLATE/bug.yml', '.github/ISSUE_TEMPLATE/feature.yml']],
])('by the schema %s nothing is wrong', async (schema, files) => {
  expect(await problemsOf(schema, files)).toEqual([]);
});

it.skipIf(linters === undefined)('a wrong word in the compose file would be reported', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'imgcls-schemas-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const spoiled = path.join(folder, 'compose.yaml');
  const text = await readFile(path.join(repository, 'compose.yaml'), 'utf8');
  await writeFile(spoiled, text.replace('read_only: true', 'readonly: true'));
  expect(JSON.stringify(await problemsOf('vendor.compose-spec', [spoiled]))).toContain("'readonly'");
});
