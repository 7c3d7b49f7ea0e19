import { describeSetting, environmentName, settingNames } from '../../core/settings/settings.ts';

/** A paragraph, or a title with terms and their meanings. */
export type HelpPart = string | readonly [title: string, rows: readonly (readonly [string, string])[]];

/** Text about the environment variables that imgcls reads. */
export const environmentVariables = (): readonly HelpPart[] => [
  'Each setting is also a variable. "imgcls config" prints the values, and where each comes from.',
  ['Settings:', settingNames.map((name) => [environmentName(name), describeSetting(name)])],
  [
    'Others:',
    [
      ['NO_COLOR', 'no colours'],
      ['CLICOLOR_FORCE', 'colours also in a pipe or a file'],
      ['AWS_PROFILE, AWS_REGION', 'as in any AWS tool'],
    ],
  ],
];
