/** What a reader would type: the lines after `$` in blocks of type console, and what each should print. */
import type { Page } from './pages.ts';

/** One line of a shell, which may have several commands. */
export interface CommandLine {
  /** `docs/rest.md:14`. */
  place: string;
  text: string;
  /** The lines below it. */
  output: string;
}

export function commandLinesOf({ file, blocks }: Page): CommandLine[] {
  return blocks
    .filter(({ language }) => language === 'console')
    .flatMap(({ line: first, text }) => {
      const found: CommandLine[] = [];
      for (const [at, line] of text.split('\n').entries()) {
        const last = found.at(-1);
        if (line.startsWith('$ '))
          found.push({ place: `${file}:${first + at}`, text: line.slice(2), output: '' });
        else if (last === undefined) continue;
        else if (last.output === '' && isOpen(last.text))
          last.text = `${last.text.replace(/\\$/, '')}\n${line}`;
        else last.output += `${line}\n`;
      }
      return found;
    });
}

/** Whether the shell would ask for more: after a backslash, or inside quotes. */
const isOpen = (text: string): boolean => text.endsWith('\\') || tokensOf(text).isOpen;

/** The commands of a line, word by word, without variables, redirections and comments. */
export function commandsOf(line: string): string[][] {
  const commands: string[][] = [[]];
  for (const token of tokensOf(line).tokens)
    if (token.kind === 'word') commands.at(-1)?.push(token.text);
    else commands.push([]);
  return commands
    .map((words) => words.slice(words.findIndex((word) => !/^\w+=/.test(word))))
    .map(withoutRedirections)
    .filter(([name]) => name !== undefined && name !== 'export' && !/^\w+=/.test(name));
}

const withoutRedirections = (words: readonly string[]): string[] => {
  const at = words.findIndex((word) => /^\d?[<>]/.test(word));
  return at < 0 ? [...words] : words.slice(0, at);
};

type Token = { kind: 'word'; text: string } | { kind: 'end' };

/** As much of a shell's syntax as the docs use: quotes, comments, and what ends a command. */
function tokensOf(line: string): { tokens: Token[]; isOpen: boolean } {
  const tokens: Token[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  const endWord = () => {
    if (word !== undefined) tokens.push({ kind: 'word', text: word });
    word = undefined;
  };
  for (let at = 0; at < line.length; at++) {
    const char = line[at] ?? '';
    if (quote !== undefined) {
      if (char === quote) quote = undefined;
      else word = (word ?? '') + (char === '\\' && quote === '"' ? (line[++at] ?? '') : char);
    } else if (char === '"' || char === "'") {
      quote = char;
      word ??= '';
    } else if (char === '#' && word === undefined) {
      const end = line.indexOf('\n', at);
      if (end < 0) break;
      at = end;
    } else if (/\s/.test(char)) endWord();
    else if (/[|&;]/.test(char) && !/>$/.test(word ?? '')) {
      endWord();
      tokens.push({ kind: 'end' });
    } else word = (word ?? '') + char;
  }
  endWord();
  return { tokens, isOpen: quote !== undefined };
}
