import { type Command, Option } from 'commander';
import { examples } from '../../flags.ts';
import type { ClusterShowFlags, ClusterUnsetFlags } from '../../fleet/cluster.ts';

export function register(program: Command): void {
  const cluster = program
    .command('cluster')
    .description(
      'Show and change the settings of a running cluster. Its controller reads them at its next tick.',
    );
  cluster
    .command('set')
    .description('Change settings. They take precedence over those of the stack and of the environment.')
    .addHelpText(
      'after',
      examples(
        'imgcls cluster set max=40 maxHourlyCost=5',
        'imgcls cluster set instanceTypes=c7i.large,m7i.large spot=80',
      ),
    )
    .argument('<settings...>', 'Settings as NAME=VALUE; "imgcls cluster show" lists their names')
    .action(async (words: string[]) => {
      const { setClusterSettings } = await import('../../fleet/cluster.ts');
      await setClusterSettings(words, program.opts());
    });
  cluster
    .command('unset')
    .description('Take back changes, so that settings have their former values again.')
    .addHelpText('after', examples('imgcls cluster unset max'))
    .argument('[names...]', 'Names of settings')
    .option('--all', 'Take back all changes')
    .action(async (names: string[], flags: ClusterUnsetFlags) => {
      const { unsetClusterSettings } = await import('../../fleet/cluster.ts');
      await unsetClusterSettings(names, { ...program.opts(), ...flags });
    });
  cluster
    .command('show')
    .description('Show the settings, and where each value comes from.')
    .addHelpText('after', examples('imgcls cluster show --format json'))
    .addOption(
      new Option('-f, --format <format>', 'Output format').choices(['table', 'json']).default('table'),
    )
    .action(async (flags: ClusterShowFlags) => {
      const { showClusterSettings } = await import('../../fleet/cluster.ts');
      await showClusterSettings({ ...program.opts(), ...flags });
    });
}
