// What a command line means before its options are known. Pure.

import { commandNamed } from './command-table.ts';

/** Options of the program that take a value. */
const WITH_VALUE = ['--cluster', '--data-dir'];

/** The arguments that are neither options nor values of the program's options. */
export const wordsOf = (args: readonly string[]): string[] => args.filter(isWord);

const isWord = (arg: string, at: number, args: readonly string[]): boolean =>
  (arg === '-' || !arg.startsWith('-')) && !WITH_VALUE.includes(args[at - 1] ?? '');

/** The command of which the line asks or that it runs. */
export function commandOf(args: readonly string[]): string | undefined {
  const [first, second] = wordsOf(args);
  return commandNamed(first === 'help' ? second : first);
}

/**
 * The command line with the photographs that come with imgcls where it says `samples` and there is no such file here:
 * `imgcls samples` is the first thing to try, in a clone or not.
 * @param folder of these photographs.
 */
export function withSamples(
  args: readonly string[],
  exists: (file: string) => boolean,
  folder: string,
): readonly string[] {
  const [first = '', second] = wordsOf(args);
  const input = commandNamed(first) === 'label' ? second : first;
  if (input !== 'samples' || exists(input)) return args;
  const at = args.findIndex((arg, place) => arg === input && isWord(arg, place, args));
  return args.with(at, folder);
}

/**
 * The command line with `label` before inputs that come first: `imgcls photos/` labels that folder.
 * @param exists whether there is such a file or folder.
 */
export function withLabel(args: readonly string[], exists: (file: string) => boolean): readonly string[] {
  const words = wordsOf(args);
  const [first] = words;
  if (first === undefined || first === 'help' || commandNamed(first) !== undefined) return args;
  // After an option it may be its value: `imgcls -k 3 photos/`.
  const inputs = args[args.indexOf(first) - 1]?.startsWith('-') ? words : [first];
  return inputs.some((word) => looksLikeInput(word) || exists(word)) ? ['label', ...args] : args;
}

/** A list, an address, a path, a glob or the name of a file: no command is called so. */
const looksLikeInput = (word: string): boolean => word === '-' || /[/\\*?]|\.\w/.test(word);
