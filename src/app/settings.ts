import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import path from 'node:path';
import { ImgclsError, messageOf } from '../core/runtime/errors.ts';
import { CLUSTER_ORIGIN, type ClusterValues } from '../core/settings/cluster-settings.ts';
import {
  environmentSource,
  resolveSettings,
  type SettingName,
  type SettingSource,
  type Settings,
} from '../core/settings/settings.ts';

const CONFIG_FILE = 'imgcls.config.json';

/** The settings of a run, with a data folder in any case. */
export type RunSettings = Settings & { dataDir: string };

interface LoadedSettings {
  settings: RunSettings;
  origins: Readonly<Record<SettingName, string>>;
}

/**
 * Precedence: flag, settings of the running cluster, environment, nearest config file, the user's config file, default.
 * @param cluster settings that "imgcls cluster set" has changed. Only a controller applies them.
 */
export const loadSettings = (
  flags: Partial<Record<SettingName, unknown>>,
  cluster: ClusterValues = {},
): LoadedSettings => resolveWith({ from: 'flag', values: flags }, cluster);

/** The settings of a program's client, with the values that it passed. Unknown names among these are errors. */
export const loadClientSettings = (values: Readonly<Record<string, unknown>>): LoadedSettings =>
  resolveWith({ from: 'createClient', values, exclusive: true }, {});

function resolveWith(given: SettingSource, cluster: ClusterValues): LoadedSettings {
  const { env } = process;
  const { settings, origins } = resolveSettings([
    given,
    { from: CLUSTER_ORIGIN, values: cluster },
    environmentSource(env),
    ...configFiles(process.cwd(), env).map(readConfigFile),
    { from: 'default', values: { dataDir: userDataDir(env) } },
  ]);
  return { settings: Object.freeze(absolute(settings as RunSettings)), origins };
}

/** Resolves paths now: a run may change its working directory, and workers start in another one. */
function absolute({ dataDir, runnerEntry, ...others }: RunSettings): RunSettings {
  const entry = runnerEntry && path.resolve(runnerEntry);
  return { ...others, dataDir: path.resolve(dataDir), runnerEntry: entry };
}

/** The existing config files: the nearest one in this folder or a parent, then the user's own. */
function configFiles(from: string, env: NodeJS.ProcessEnv): string[] {
  const found: string[] = [];
  for (let folder = from; ; folder = path.dirname(folder)) {
    const file = path.join(folder, CONFIG_FILE);
    if (existsSync(file)) {
      found.push(file);
      break;
    }
    if (folder === path.dirname(folder)) break;
  }
  const own = userConfigFile(env);
  if (existsSync(own)) found.push(own);
  return found;
}

function readConfigFile(file: string): SettingSource {
  try {
    const values: unknown = JSON.parse(readFileSync(file, 'utf8'));
    if (typeof values !== 'object' || values === null || Array.isArray(values)) {
      throw new Error('it must contain a JSON object');
    }
    return {
      from: file,
      values: resolveFolder(values as Record<string, unknown>, path.dirname(file)),
      exclusive: true,
    };
  } catch (cause) {
    throw new ImgclsError('config', `Cannot read ${file}: ${messageOf(cause)}`, { cause });
  }
}

/** A relative folder in a config file is relative to that file, not to the working directory. */
function resolveFolder(values: Record<string, unknown>, from: string): Record<string, unknown> {
  const { dataDir } = values;
  return typeof dataDir === 'string' ? { ...values, dataDir: path.resolve(from, dataDir) } : values;
}

/** The path of the user's own config file, which may not exist. */
export function userConfigFile(env: NodeJS.ProcessEnv): string {
  return path.join(userConfigDir(env), CONFIG_FILE);
}

function userConfigDir(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return path.join(env.APPDATA ?? homedir(), 'imgcls');
  return path.join(env.XDG_CONFIG_HOME ?? path.join(homedir(), '.config'), 'imgcls');
}

function userDataDir(env: NodeJS.ProcessEnv): string {
  if (process.platform === 'win32') return path.join(env.LOCALAPPDATA ?? homedir(), 'imgcls');
  if (process.platform === 'darwin') return path.join(homedir(), 'Library', 'Application Support', 'imgcls');
  return path.join(env.XDG_DATA_HOME ?? path.join(homedir(), '.local', 'share'), 'imgcls');
}
