import type * as z from 'zod';
import { ImgclsError } from '../runtime/errors.ts';
import { firstIssue } from '../runtime/versioned.ts';
import { crossChecks } from './cross-checks.ts';
import { declared, type Setting } from './declared-settings.ts';

type Declared = typeof declared;
export type SettingName = keyof Declared;
type Value<S> = S extends { schema(): z.ZodType<infer T> } ? T : never;

/** All settings of a run, parsed and frozen. Those without a default may be undefined. */
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
    const parsed = setting.schema().safeParse(source.values[name]);
    // A wrong value is there nevertheless: it must not be missed as well.
    values[name] = parsed.success ? parsed.data : source.values[name];
    if (!parsed.success) problems.push(problemOf(source.from, name, source.values[name], parsed.error));
  }
  problems.push(...crossChecks(values, environmentName));
  if (problems.length > 0) {
    throw new ImgclsError('config', `Settings are wrong:\n  ${problems.join('\n  ')}`);
  }
  return { settings: Object.freeze(values) as Settings, origins: origins as Record<SettingName, string> };
}

/** One wrong value, under the name by which it was given. */
function problemOf(from: string, name: SettingName, value: unknown, error: z.ZodError): string {
  const given: Record<string, string> = { flag: flagName(name), environment: environmentName(name) };
  const why = firstIssue(error).replace(/^document: /, '');
  const shown = isSecret(name) ? 'wrong' : JSON.stringify(value);
  return `${given[from] ?? `${from}: ${name}`} is ${shown}: ${why}`;
}

const flagName = (name: SettingName): string =>
  `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
