import { describeSetting, environmentName, settingNames } from '../../core/settings/settings.ts';

/** Text about the environment variables that imgcls reads. */
export function environmentVariables(): string {
  const settings = settingNames.map(
    (name) => `  ${environmentName(name).padEnd(WIDTH)}${describeSetting(name)}\n`,
  );
  return `Each setting is also a variable. "imgcls config" prints the values, and where each comes from.

${settings.join('')}
Others:
  ${'NO_COLOR'.padEnd(WIDTH)}no colours
  ${'CLICOLOR_FORCE'.padEnd(WIDTH)}colours also in a pipe or a file
  ${'AWS_PROFILE, AWS_REGION'.padEnd(WIDTH)}as in any AWS tool
`;
}

const WIDTH = 34;
