/**
 * Combinations of settings that are wrong. A value may have a wrong type; that is reported elsewhere.
 * @param environmentName the name of a setting in the environment.
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
          `cloud aws needs ${name} (${environmentName(name)}); "imgcls deploy" creates it and writes the settings`,
        );
  }
  if (fleet === 'asg') {
    if (cloud !== 'aws') problems.push('fleet asg needs cloud aws (IMGCLS_CLOUD)');
    if (values.autoScalingGroup === undefined)
      problems.push(`fleet asg needs autoScalingGroup (${environmentName('autoScalingGroup')})`);
  }
  if (fleet === 'none') {
    if (cloud !== 'aws') problems.push('fleet none needs cloud aws (IMGCLS_CLOUD)');
    for (const [name, value] of Object.entries({ min, max }))
      if (typeof value === 'number' && value > 0)
        problems.push(`fleet none launches no workers: ${name} must be 0 or unset, not ${value}`);
  }
  if (token !== undefined && tokenSecret !== undefined)
    problems.push('token and tokenSecret are both set: set only one');
  if (typeof min === 'number' && typeof max === 'number' && min > max)
    problems.push(`min must not be above max: min is ${min}, max is ${max}`);
  return problems;
}
