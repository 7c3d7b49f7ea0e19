import { type DescribedCommand, type DescribedOption, withDescendants } from './describe.ts';
import { topicText } from './topics.ts';

/** The manual page imgcls(1), in the macros of man(7). */
export function manPage(program: DescribedCommand, version: string): string {
  const [, ...commands] = withDescendants(program);
  return [
    `.TH IMGCLS 1 "" "imgcls ${escaped(version)}"`,
    '.SH NAME',
    'imgcls \\- label images with a pretrained model',
    '.SH SYNOPSIS',
    '.B imgcls',
    '.I file-or-folder ...',
    '.br',
    '.B imgcls',
    '.I command',
    '[\\fIoptions\\fR]',
    '.SH DESCRIPTION',
    escaped(program.description),
    '.SH OPTIONS',
    ...program.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH IMAGES',
    ...literal(topicText('images') ?? ''),
    '.SH OUTPUT',
    ...literal(topicText('formats') ?? ''),
    '.SH EXIT STATUS',
    ...literal(topicText('exit-codes') ?? ''),
    '.SH ENVIRONMENT',
    ...literal(topicText('environment') ?? ''),
    '',
  ].join('\n');
}

const commandLines = ({ usage, description, options }: DescribedCommand): string[] => [
  `.SS ${escaped(usage)}`,
  escaped(description),
  ...options.filter(({ long }) => long !== '--help').flatMap(optionLines),
];

const optionLines = ({ flags, description }: DescribedOption): string[] => [
  '.TP',
  `.B ${escaped(flags)}`,
  escaped(description),
];

/** Text with its line breaks. */
const literal = (text: string): string[] => ['.nf', ...text.trimEnd().split('\n').map(escaped), '.fi'];

/** A backslash, a hyphen, and a dot or a quote at the begin of a line have a meaning in roff. */
const escaped = (text: string): string =>
  text.replaceAll('\\', '\\e').replaceAll('-', '\\-').replace(/^[.']/, '\\&$&');
