/** Checks the image definitions for other tools: with Packer, and with a schema for EC2 Image Builder. */
import { execFile, execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { repository } from '../../e2e/package.ts';
import { hasTool } from '../tools.ts';

const image = path.join(repository, 'deploy/image');

describe.skipIf(!hasTool('packer', 'packer'))('the Packer file', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(path.join(tmpdir(), 'imgcls-packer-'));
    await cp(path.join(image, 'provision.sh'), path.join(folder, 'provision.sh'));
    await writeFile(path.join(folder, 'imgcls.tgz'), '');
    // Debian's Packer includes its plugins, and is older than this block.
    const text = await readFile(path.join(image, 'imgcls.pkr.hcl'), 'utf8');
    const known = text.replace(/ {2}metadata_options \{[^}]*\}\n/, '');
    expect(known).not.toBe(text);
    await writeFile(path.join(folder, 'imgcls.pkr.hcl'), known);
  });
  afterAll(() => rm(folder, { recursive: true }));

  const validate = (...flags: string[]) =>
    promisify(execFile)('packer', ['validate', ...flags, folder], {
      cwd: folder,
      env: { PATH: process.env.PATH, HOME: folder, CHECKPOINT_DISABLE: '1' },
    });
  const given = ['-var', 'package=imgcls.tgz', '-var', 'version=0.1.0'];

  it('is valid, and formatted by Packer', async () => {
    await validate(...given, '-var', 'architecture=arm64', '-var', 'models=["resnet50","other"]');
    expect(execFileSync('packer', ['fmt', '-check', image]).toString()).toBe('');
  });

  it('needs an existing package', async () => {
    await expect(validate('-var', 'package=nowhere.tgz', '-var', 'version=0.1.0')).rejects.toMatchObject({
      stdout: expect.stringContaining('nowhere.tgz'),
    });
  });
});

describe('the component of EC2 Image Builder', () => {
  const step = z.strictObject({
    name: z.string().regex(/^[A-Za-z0-9_-]+$/),
    action: z.enum(['S3Download', 'ExecuteBash']),
    maxAttempts: z.int().min(1).optional(),
    timeoutSeconds: z.int().min(1).max(86_400).optional(),
    inputs: z.union([
      z.array(z.strictObject({ source: z.string(), destination: z.string() })),
      z.strictObject({ commands: z.array(z.string()) }),
    ]),
  });
  const parameter = z.strictObject({
    type: z.literal('string'),
    default: z.string().optional(),
    description: z.string(),
  });
  /** The parts of the user guide's document format that this file uses. */
  const component = z.strictObject({
    name: z.string(),
    description: z.string(),
    schemaVersion: z.literal(1),
    parameters: z.array(z.record(z.string(), parameter)),
    phases: z.array(
      z.strictObject({ name: z.enum(['build', 'validate', 'test']), steps: z.array(step).min(1) }),
    ),
  });
  const read = async () => component.parse(parse(await readFile(path.join(image, 'component.yaml'), 'utf8')));

  it('has a valid format', async () => {
    const { parameters, phases } = await read();
    const declared = parameters.flatMap((each) => Object.keys(each));
    const used = [...JSON.stringify(phases).matchAll(/\{\{ (\w+) \}\}/g)].map(([, name]) => name);
    expect(new Set(used)).toEqual(new Set(declared));
    const names = phases.flatMap(({ steps }) => steps.map(({ name }) => name));
    expect(new Set(names).size).toBe(names.length);
  });

  it('runs the same provisioning, with the given models', async () => {
    const { phases } = await read();
    const commands = phases.flatMap(({ steps }) =>
      steps.flatMap(({ inputs }) => ('commands' in inputs ? [inputs.commands] : [])),
    );
    const provision = commands.find((each) => each.some((line) => line.includes('provision.sh'))) ?? [];
    const [packed = ''] = provision.join('\n').match(/package\/\S+/) ?? [];
    expect(existsSync(path.join(repository, packed.replace('package/', '')))).toBe(true);
    // Runs the commands with fakes for the programs that they call.
    const script = ['tar() { :; }', 'rm() { :; }', 'bash() { echo "$@"; }', ...provision].join('\n');
    const printed = (models: string, heic = 'no') =>
      execFileSync('bash', [
        '-c',
        script.replace('{{ Models }}', models).replace('{{ Heic }}', heic),
      ]).toString();
    expect(printed('')).toBe(`/tmp/${packed} --package /tmp/imgcls.tgz\n`);
    expect(printed('', 'yes')).toMatch(/imgcls\.tgz --heic\n$/);
    expect(printed('resnet50 other')).toMatch(/imgcls\.tgz --model resnet50 --model other\n$/);
  });
});
