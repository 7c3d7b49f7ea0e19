import { Command } from 'commander';
import { version } from '../app/version.ts';
import { COMMAND_GROUPS } from './command-table.ts';
import { examples } from './flags.ts';

/** The program with its options, and the commands of `wanted` in full. The others are only named. */
export async function createProgram(wanted: (name: string) => boolean): Promise<Command> {
  const program = new Command('imgcls')
    .description(
      'Label images with a pretrained model (EfficientNet-Lite0, or another with --model), on one machine or on a fleet that scales with the work.',
    )
    .version(version, '-V, --version', 'Print the version')
    .helpOption('-h, --help', 'Show help')
    .usage('[options] <files, folders or command>')
    .option('--cluster <name>', 'Name of the cluster')
    .option('--data-dir <folder>', 'Folder of the embedded cloud and of downloaded models')
    .option('-q, --quiet', 'Print results and errors only')
    .option('-v, --verbose', 'Print also what explains them')
    .option('--debug', 'Print the stack trace of an error')
    .configureHelp({ subcommandTerm: (command) => command.name(), styleTitle: bold })
    .addHelpText('after', () => AFTER);
  for (const [group, commands] of Object.entries(COMMAND_GROUPS)) {
    program.commandsGroup(group);
    for (const [name, { summary, alias, load }] of Object.entries(commands)) {
      if (wanted(name)) (await load()).register(program, () => createProgram(() => true));
      else program.command(name).description(summary);
      const command = program.commands.at(-1)?.summary(summary);
      if (alias !== undefined) command?.alias(alias);
      if (command !== undefined && command.commands.length > 0)
        command.helpCommand('help [command]', 'Show help for a command.');
    }
  }
  // In the last group.
  return program.helpCommand('help [command]', 'Show help for a command or a topic');
}

/** Commander removes styles where a terminal shows none. */
const bold = (text: string): string => `\u001b[1m${text}\u001b[22m`;

const AFTER = `${examples('imgcls photos/', 'imgcls label photos/ -o labels.csv', 'imgcls results', 'imgcls up --open')}

Learn more:
  imgcls help label    The options of a command
  imgcls help topics   Formats, images, errors, exit codes, environment
  README.md and docs/  In the package`;
