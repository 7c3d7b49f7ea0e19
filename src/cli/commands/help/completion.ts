import { Argument, type Command } from 'commander';
import { examples } from '../../flags.ts';
import { completionScript, SHELLS, type Shell } from '../../help/completion.ts';
import { describeCommand } from '../../help/describe.ts';

export function register(program: Command, complete: () => Promise<Command>): void {
  program
    .command('completion')
    .description('Print the script that completes commands, options and their values in a shell.')
    .addHelpText(
      'after',
      examples(
        'eval "$(imgcls completion bash)"                        # in ~/.bashrc',
        'eval "$(imgcls completion zsh)"                         # in ~/.zshrc, after compinit',
        'imgcls completion fish > ~/.config/fish/completions/imgcls.fish',
        'imgcls completion powershell | Out-String | Invoke-Expression   # in $PROFILE',
      ),
    )
    .addArgument(new Argument('<shell>', 'Shell').choices(SHELLS))
    .action(async (shell: Shell) => {
      process.stdout.write(completionScript(shell, describeCommand(await complete())));
    });
}
