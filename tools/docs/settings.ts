/** Every setting with its variable, its values and its default. */
import { CLUSTER_SETTINGS } from '../../src/core/settings/cluster-settings.ts';
import { declared, type Setting } from '../../src/core/settings/declared-settings.ts';
import {
  environmentName,
  isSecret,
  type SettingName,
  settingNames,
} from '../../src/core/settings/settings.ts';
import { code, escaped, page, table } from './markdown.ts';

/** What the schema says of a value that is none: "must be 1 to 100". */
function valuesOf(name: SettingName): string {
  const parsed = declared[name].schema().safeParse(undefined);
  const message = parsed.error?.issues[0]?.message ?? '';
  return message.replace(/^must be (an? )?/, '');
}

const rowOf = (name: SettingName): string[] => {
  const { fallback, what }: Setting = declared[name];
  return [
    code(name),
    code(environmentName(name)),
    escaped(what),
    escaped(valuesOf(name)),
    fallback === undefined ? '' : code(String(fallback)),
  ];
};

export function settingsPage(): string {
  const list = (names: readonly SettingName[]) => names.map(code).join(', ');
  return page(
    'Settings',
    'A setting comes from the first of these that has it: the flag of a command, `imgcls cluster set`, the environment, the nearest `imgcls.config.json` in this folder or a parent, the `imgcls.config.json` of the user, the default. `imgcls config` prints every value and where it comes from.',
    '```json\n{ "model": "resnet50", "topK": 3, "targetSeconds": 60 }\n```',
    'The file of the user is `~/.config/imgcls/imgcls.config.json` (or in `$XDG_CONFIG_HOME`; on Windows in `%APPDATA%`). `imgcls deploy` writes it. An unknown name in a file, or an unknown `IMGCLS_` variable, is an error. A relative `dataDir` in a file is relative to that file.',
    table(['setting', 'variable', 'meaning', 'values', 'default'], settingNames.map(rowOf)),
    `Lists are separated by commas. Secrets (${list(settingNames.filter(isSecret))}) are never printed.`,
    '## Settings of a running cluster',
    `\`imgcls cluster set NAME=VALUE\` changes these for a controller that runs, without a restart: ${list(CLUSTER_SETTINGS)}.`,
  );
}
