import type * as z from 'zod';
import { ImgclsError } from '../runtime/errors.ts';
import { nearest } from '../text/nearest.ts';
import { crossChecks } from './cross-checks.ts';
import { declared, type Setting } from './declared-settings.ts';

type Declared = typeof declared;
export type SettingName = keyof Declared;
type Value<S> = S extends { schema(): z.ZodType<infer T> } ? T : never;

/** All settings of a run, parsed and frozen. Settings without a default may be undefined. */
export type Settings = Readonly<{
  [N in SettingName]: Declared[N] extends { fallback: unknown }
    ? Value<Declared[N]>
    : Value<Declared[N]> | undefined;
}>;

export const settingNames = Object.keys(declared) as SettingName[];
export const isSecret = (name: SettingName): boolean => (declared[name] as Setting).isSecret === true;
export const describeSetting = (name: SettingName): string => declared[name].what;
export const environmentName = (name: SettingName): string =>
  `IMGCLS_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;

/** Values by setting name. */
export interface SettingSource {
  /** Name of the source, for errors. */
  from: string;
  values: Readonly<Record<string, unknown>>;
  /** Holds nothing but settings, as a config file does: unknown names are errors. */
  exclusive?: boolean;
  /** Names that look like settings and are none, with the setting that may be meant. */
  unknown?: readonly string[];
}

/** The settings in the environment. */
export function environmentSource(env: Readonly<Record<string, string | undefined>>): SettingSource {
  const values: Record<string, unknown> = {};
  for (const name of settingNames) {
    const value = env[environmentName(name)];
    if (value !== undefined && value !== '') values[name] = value;
  }
  const known = new Set(settingNames.map(environmentName));
  // The template of a deployed machine may be newer than its image.
  const isChecked = env.IMGCLS_ROLE === undefined;
  const unknown = Object.keys(env).filter((name) => /^IMGCLS_/.test(name) && !known.has(name));
  return { from: 'environment', values, unknown: isChecked ? unknown.filter(isNoTestVariable) : [] };
}

/** Tests set variables of their own around the program. */
const isNoTestVariable = (name: string): boolean => !/^IMGCLS_(TEST_|LIVE|SHARED_DIR$)/.test(name);

/** Settings that name what one cluster consists of. */
export const CLUSTER_RESOURCES = [
  'inputBucket',
  'outputBucket',
  'subnets',
  'fleet',
  'autoScalingGroup',
  'launchTemplate',
  'controllerFunction',
] as const satisfies SettingName[];

/**
 * Parses all settings. The first source that has a value wins. If it names another cluster than a config file does, the
 * resources in that file do not count: they belong to the file's cluster.
 * @returns the settings, and the source of each value.
 * @throws {ImgclsError} of kind `config` that lists every problem.
 */
export function resolveSettings(given: readonly SettingSource[]): {
  settings: Settings;
  origins: Readonly<Record<SettingName, string>>;
} {
  const cluster = given.find(({ values }) => values.cluster !== undefined)?.values.cluster;
  const isOfAnother = ({ exclusive, values }: SettingSource) =>
    exclusive === true && values.cluster !== undefined && values.cluster !== cluster;
  const sources = given.map((source) => (isOfAnother(source) ? withoutResources(source) : source));
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  const origins: Record<string, string> = {};
  for (const source of sources) {
    if (source.exclusive !== true) continue;
    for (const name of Object.keys(source.values)) {
      if (name in declared) continue;
      problems.push(`${source.from}: unknown setting ${name}${didYouMean(nearest(name, settingNames))}`);
    }
  }
  for (const name of sources.flatMap(({ unknown = [] }) => unknown)) {
    const meant = nearest(name, settingNames.map(environmentName));
    problems.push(`${name} is not a setting${didYouMean(meant) || '; "imgcls help environment" lists all'}`);
  }
  for (const name of settingNames) {
    const setting: Setting = declared[name];
    const source = sources.find(({ values }) => values[name] !== undefined);
    origins[name] = source?.from ?? (setting.fallback === undefined ? 'unset' : 'default');
    if (source === undefined) {
      values[name] = setting.fallback;
      continue;
    }
    const parsed = setting.schema().safeParse(source.values[name]);
    // Keep a wrong value: the cross-checks must not report it as missing.
    values[name] = parsed.success ? parsed.data : source.values[name];
    if (!parsed.success) problems.push(problemOf(source.from, name, source.values[name], parsed.error));
  }
  problems.push(...crossChecks(values, environmentName));
  if (problems.length > 0) {
    for (const { from, values } of given.filter(isOfAnother))
      problems.push(
        `${from} has the settings of cluster ${values.cluster}; "IMGCLS_CLUSTER=${cluster} imgcls deploy" writes those of ${cluster}`,
      );
    throw new ImgclsError('config', `Invalid settings:\n  ${problems.join('\n  ')}`);
  }
  return { settings: Object.freeze(values) as Settings, origins: origins as Record<SettingName, string> };
}

function withoutResources({ values, ...source }: SettingSource): SettingSource {
  const kept = Object.entries(values).filter(([name]) => !CLUSTER_RESOURCES.some((each) => each === name));
  return { ...source, values: Object.fromEntries(kept) };
}

const didYouMean = (name: string | undefined): string =>
  name === undefined ? '' : `; did you mean ${name}?`;

/** A wrong value, under the name by which it was set: `--top-k must be 1 to 100, not 1000000`. */
function problemOf(from: string, name: SettingName, value: unknown, error: z.ZodError): string {
  const names: Record<string, string> = { flag: flagName(name), environment: environmentName(name) };
  const why = error.issues[0]?.message ?? 'is not valid';
  const shown = isSecret(name) ? '' : `, not ${shownValue(value)}`;
  return `${names[from] ?? `${from}: ${name}`} ${why}${shown}`;
}

const MAX_SHOWN_CHARS = 60;

/** A plain word or number as it is, anything else as JSON. */
function shownValue(value: unknown): string {
  const text =
    typeof value === 'string' && /^[\w.-]+$/.test(value) ? value : (JSON.stringify(value) ?? String(value));
  return text.length <= MAX_SHOWN_CHARS ? text : `${text.slice(0, MAX_SHOWN_CHARS)}…`;
}

const flagName = (name: SettingName): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
