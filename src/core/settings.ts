import * as z from 'zod';
import { ImgclsError } from './errors.ts';
import { topK } from './job.ts';
import { modelName, modelVariant } from './model.ts';
import { firstIssue } from './versioned.ts';

interface Setting {
  schema: z.ZodType;
  /** Absent: the setting may be left unset. */
  fallback?: unknown;
  what: string;
}

const count = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const MEBIBYTE = 1024 * 1024;

/** Each setting once: how it is read, its default and what it is. The environment's name is IMGCLS_ and the name in capitals. */
const declared = {
  cluster: {
    schema: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,31}$/, 'must be lower-case letters, digits or -, at most 32'),
    fallback: 'default',
    what: 'the deployment: its buckets, queues and fleet',
  },
  cloud: { schema: z.enum(['local', 'aws']), fallback: 'local', what: 'local (this machine) or aws' },
  dataDir: { schema: z.string().min(1), what: 'folder of the embedded cloud and of downloaded models' },
  inputBucket: { schema: z.string().min(3), what: 'S3 bucket for image bytes (cloud aws)' },
  outputBucket: { schema: z.string().min(3), what: 'S3 bucket for jobs and results (cloud aws)' },
  model: { schema: modelName, what: 'model that classifies' },
  modelVariant: {
    schema: z.union([z.literal('auto'), modelVariant]),
    fallback: 'auto',
    what: 'fp32, int8, or auto: by the features of the CPU',
  },
  modelMirror: { schema: z.url(), what: 'base address to download models from, in place of the hub' },
  topK: { schema: z.coerce.number().pipe(topK), fallback: 5, what: 'classes listed for an image' },
  concurrency: { schema: count(1, 256), fallback: 16, what: 'files read and stored at once by a submitter' },
  runners: { schema: count(1, 256), what: 'model runners of a worker; else one a core' },
  maxImageBytes: {
    schema: count(1, 2048 * MEBIBYTE),
    fallback: 64 * MEBIBYTE,
    what: 'largest image file, in bytes',
  },
  maxPixels: { schema: count(1, 2 ** 31), fallback: 150_000_000, what: 'largest image, in pixels' },
  decodeTimeoutMs: {
    schema: count(100, 600_000),
    fallback: 20_000,
    what: 'longest decode of one image, in milliseconds',
  },
  logLevel: {
    schema: z.enum(['debug', 'info', 'warn', 'error', 'silent']),
    fallback: 'info',
    what: 'least severe log line that a worker writes',
  },
} satisfies Record<string, Setting>;

type Declared = typeof declared;
export type SettingName = keyof Declared;
type Value<S> = S extends { schema: z.ZodType<infer T> } ? T : never;

/** All settings of a run, parsed and frozen. Those without a default may be undefined. */
export type Settings = Readonly<{
  [N in SettingName]: Declared[N] extends { fallback: unknown }
    ? Value<Declared[N]>
    : Value<Declared[N]> | undefined;
}>;

export const settingNames = Object.keys(declared) as SettingName[];
export const describeSetting = (name: SettingName): string => declared[name].what;
export const environmentName = (name: SettingName): string =>
  `IMGCLS_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** One place that gives values, by setting name; `from` is how a person would name that place. */
export interface SettingSource {
  from: string;
  values: Readonly<Record<string, unknown>>;
  /** A place of ours alone (a config file): names that are no settings are reported. */
  exclusive?: boolean;
}

/** The values of the environment that are settings of ours. */
export function environmentSource(env: Readonly<Record<string, string | undefined>>): SettingSource {
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const value = env[environmentName(name)];
    if (value !== undefined && value !== '') values[name] = value;
  }
  return { from: 'environment', values };
}

/**
 * Parses all settings; the first source that has a value gives it.
 * @returns the settings, and for each the place that its value came from.
 * @throws {ImgclsError} of kind `config` that lists every problem.
 */
export function resolveSettings(sources: readonly SettingSource[]): {
  settings: Settings;
  origins: Readonly<Record<SettingName, string>>;
} {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const source of sources) {
    if (source.exclusive !== true) continue;
    for (const name of Object.keys(source.values)) {
      if (!(name in declared)) problems.push(`${source.from}: there is no setting ${name}`);
    }
  }
  for (const name of settingNames) {
    const setting: Setting = declared[name];
    const source = sources.find(({ values: given }) => given[name] !== undefined);
    origins[name] = source?.from ?? (setting.fallback === undefined ? 'unset' : 'default');
    if (source === undefined) {
      values[name] = setting.fallback;
      continue;
    }
    const parsed = setting.schema.safeParse(source.values[name]);
    if (parsed.success) values[name] = parsed.data;
    else problems.push(problemOf(source.from, name, source.values[name], parsed.error));
  }
  if (values.cloud === 'aws') {
    for (const name of ['inputBucket', 'outputBucket'] as const) {
      if (values[name] === undefined) problems.push(`cloud aws needs ${name} (${environmentName(name)})`);
    }
  }
  if (problems.length > 0) {
    throw new ImgclsError('config', `Settings are wrong:\n  ${problems.join('\n  ')}`);
  }
  return { settings: Object.freeze(values) as Settings, origins: origins as Record<SettingName, string> };
}

/** One wrong value, under the name by which it was given. */
function problemOf(from: string, name: SettingName, value: unknown, error: z.ZodError): string {
  const given: Record<string, string> = { flag: flagName(name), environment: environmentName(name) };
  const why = firstIssue(error).replace(/^document: /, '');
  return `${given[from] ?? `${from}: ${name}`} is ${JSON.stringify(value)}: ${why}`;
}

const flagName = (name: SettingName): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
