/**
 * What settings must not be together. Values may have a wrong shape, of which others speak.
 * @param environmentName how the environment calls a setting.
 */
export function crossChecks(
  values: Readonly<Record<string, unknown>>,
  environmentName: (name: 'inputBucket' | 'outputBucket' | 'autoScalingGroup') => string,
): string[] {
  const { cloud, fleet, token, tokenSecret, min, max } = values;
  const problems: string[] = [];
  if (cloud === 'aws') {
    for (const name of ['inputBucket', 'outputBucket'] as const)
      if (values[name] === undefined)
        problems.push(
          `cloud aws needs ${name} (${environmentName(name)}); "imgcls deploy" makes it and writes the settings`,
        );
  }
  if (fleet === 'asg') {
    if (cloud !== 'aws') problems.push('fleet asg needs cloud aws (IMGCLS_CLOUD)');
    if (values.autoScalingGroup === undefined)
      problems.push(`fleet asg needs autoScalingGroup (${environmentName('autoScalingGroup')})`);
  }
  if (token !== undefined && tokenSecret !== undefined)
    problems.push('token and tokenSecret are both given: the service has one token');
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    problems.push(`min is ${min} and max ${max}: min must not be above max`);
  return problems;
}
