// Completions for shells, made from the table of commands. They start no process, so a Tab is answered at once.

import { type DescribedCommand, type DescribedOption, withDescendants } from './describe.ts';

export const SHELLS = ['bash', 'zsh', 'fish', 'powershell'] as const;
export type Shell = (typeof SHELLS)[number];

/** The script that completes `imgcls` in a shell. */
export const completionScript = (shell: Shell, program: DescribedCommand): string =>
  ({ bash, zsh, fish, powershell })[shell](completed(program));

/** What can follow the words of a command. */
interface Completed {
  path: string;
  subcommands: readonly { name: string; summary: string }[];
  options: readonly DescribedOption[];
}

/** Each command below its name and below its alias, with the options of the program. */
function completed(program: DescribedCommand): Completed[] {
  return withDescendants(program).flatMap(({ path, names, options, subcommands }) => {
    const own = path === '' ? [] : options;
    const others = program.options.filter(({ long }) => own.every((option) => option.long !== long));
    const parent = path.split(' ').slice(0, -1);
    const paths = path === '' ? [''] : names.map((name) => [...parent, name].join(' '));
    return paths.map((each) => ({
      path: each,
      subcommands: subcommands.flatMap((sub) => sub.names.map((name) => ({ name, summary: sub.summary }))),
      options: [...own, ...others],
    }));
  });
}

const flagsOf = ({ short, long }: DescribedOption): string[] =>
  [short, long].filter((flag) => flag !== undefined);
const wordsAfter = (path: string, word: string): string => (path === '' ? word : `${path} ${word}`);
/** In single quotes, with those in the text replaced: as bash and zsh read it. */
const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
const firstSentence = (text: string): string => text.split(/(?<=\S)[.;:]? \(|[.;] /)[0] ?? text;

/** `"model") ...`: the branches of a `case` for each command. */
const branches = (commands: readonly Completed[], line: (command: Completed) => string): string =>
  commands.map((command) => `    ${quoted(command.path)}) ${line(command)} ;;`).join('\n');

/** The names of commands that can follow a path, for a `case` on the path and the next word. */
const knownPaths = (commands: readonly Completed[]): string =>
  commands.flatMap(({ path }) => (path === '' ? [] : [quoted(path)])).join('|');

/** Options with choices, as patterns of the path and the option. */
const choices = (commands: readonly Completed[], line: (choices: readonly string[]) => string): string =>
  commands
    .flatMap(({ path, options }) =>
      options.flatMap((option) =>
        option.choices.length === 0
          ? []
          : [
              `    ${flagsOf(option)
                .map((flag) => quoted(wordsAfter(path, flag)))
                .join('|')}) ${line(option.choices)} ;;`,
            ],
      ),
    )
    .join('\n');

const bash = (
  commands: readonly Completed[],
): string => `# bash completion for imgcls: eval "$(imgcls completion bash)"
_imgcls() {
  local word="\${COMP_WORDS[COMP_CWORD]}" before="\${COMP_WORDS[COMP_CWORD-1]}" path='' next at words
  for ((at = 1; at < COMP_CWORD; at++)); do
    next="\${path:+$path }\${COMP_WORDS[at]}"
    case "$next" in ${knownPaths(commands)}) path="$next" ;; esac
  done
  case "\${path:+$path }$before" in
${choices(commands, (values) => `COMPREPLY=($(compgen -W ${quoted(values.join(' '))} -- "$word")); return`)}
  esac
  if [[ $word == -* ]]; then
    case "$path" in
${branches(commands, ({ options }) => `words=${quoted(options.flatMap(flagsOf).join(' '))}`)}
    esac
  else
    case "$path" in
${branches(commands, ({ subcommands }) => `words=${quoted(subcommands.map(({ name }) => name).join(' '))}`)}
    esac
  fi
  COMPREPLY=($(compgen -W "$words" -- "$word"))
}
complete -o default -F _imgcls imgcls
`;

const described = (name: string, text: string): string =>
  quoted(`${name.replaceAll(':', '\\:')}:${firstSentence(text)}`);

const zsh = (commands: readonly Completed[]): string => `#compdef imgcls
# zsh completion for imgcls: eval "$(imgcls completion zsh)", or this file as _imgcls in a folder of $fpath
_imgcls() {
  local route='' next
  local -a found
  for next in \${words[2,CURRENT-1]}; do
    next="\${route:+$route }$next"
    case "$next" in ${knownPaths(commands)}) route="$next" ;; esac
  done
  case "\${route:+$route }\${words[CURRENT-1]}" in
${choices(commands, (values) => `compadd -- ${values.map(quoted).join(' ')}; return`)}
  esac
  if [[ $PREFIX == -* ]]; then
    case "$route" in
${branches(commands, ({ options }) => `found=(${options.flatMap((option) => flagsOf(option).map((flag) => described(flag, option.description))).join(' ')})`)}
    esac
    _describe -o option found
    return
  fi
  case "$route" in
${branches(commands, ({ subcommands }) => `found=(${subcommands.map(({ name, summary }) => described(name, summary)).join(' ')})`)}
  esac
  (( $#found )) && _describe command found
  _files
}
compdef _imgcls imgcls
`;

/** As fish reads single quotes. */
const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(commands: readonly Completed[]): string {
  const lines = commands.flatMap(({ path, subcommands, options }) => {
    const here = `complete -c imgcls -n ${fishQuoted(`__imgcls_at ${fishQuoted(path)}`)}`;
    const names = subcommands.map(
      ({ name, summary }) => `${here} -a ${name} -d ${fishQuoted(firstSentence(summary))}`,
    );
    const flags = options.map((option) => {
      const short = option.short === undefined ? '' : ` -s ${option.short.slice(1)}`;
      const long = option.long === undefined ? '' : ` -l ${option.long.slice(2)}`;
      const values = option.choices.length === 0 ? ' -r' : ` -x -a ${fishQuoted(option.choices.join(' '))}`;
      return `${here}${short}${long}${option.takesValue ? values : ''} -d ${fishQuoted(firstSentence(option.description))}`;
    });
    return [...names, ...flags];
  });
  const paths = commands.flatMap(({ path }) => (path === '' ? [] : [fishQuoted(path)]));
  return `# fish completion for imgcls: imgcls completion fish | source
function __imgcls_at
  set -l path ''
  for word in (commandline -opc)[2..]
    set -l next (string trim "$path $word")
    contains -- $next ${paths.join(' ')}; and set path $next
  end
  test "$path" = "$argv[1]"
end
${lines.join('\n')}
`;
}

/** As PowerShell reads single quotes. */
const powershellQuoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;

const powershell = (
  commands: readonly Completed[],
): string => `# PowerShell completion for imgcls: imgcls completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName imgcls -ScriptBlock {
  param($word, $ast, $cursor)
  $commands = @{
${commands.map(({ path, subcommands, options }) => `    ${powershellQuoted(path)} = @(${[...subcommands.map(({ name }) => name), ...options.flatMap(flagsOf)].map(powershellQuoted).join(', ')})`).join('\n')}
  }
  $choices = @{
${commands.flatMap(({ path, options }) => options.flatMap((option) => (option.choices.length === 0 ? [] : flagsOf(option).map((flag) => `    ${powershellQuoted(wordsAfter(path, flag))} = @(${option.choices.map(powershellQuoted).join(', ')})`)))).join('\n')}
  }
  $path = ''
  $before = ''
  foreach ($element in $ast.CommandElements | Select-Object -Skip 1) {
    if ($element.Extent.EndOffset -ge $cursor) { break }
    $before = $element.ToString()
    $next = "$path $before".Trim()
    if ($commands.ContainsKey($next)) { $path = $next }
  }
  $found = $choices["$path $before".Trim()]
  if ($null -eq $found) { $found = $commands[$path] }
  $found | Where-Object { $_ -clike "$word*" } | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}
`;
