import type { DeadLetter } from '../../core/job/dead-letter.ts';
import { isReadable, jobOf, type KeptDeadLetter, requestOf } from '../../results/dead-letter-records.ts';
import { harmless, plainName } from '../../results/export.ts';
import { drawTable } from '../terminal/table.ts';

/** What `imgcls dlq list --format` takes. */
export type LetterFormat = 'table' | 'lines' | 'json' | 'ndjson';

/** A list of letters. */
export function lettersText(letters: readonly KeptDeadLetter[], format: LetterFormat): string {
  switch (format) {
    case 'table':
      return letters.length === 0
        ? 'There is no dead letter.\n'
        : `${drawTable(HEAD, letters.map(cells), { frame: 'none' })}\n`;
    case 'lines':
      return lines(letters.map((letter) => cells(letter).join(', ')));
    case 'ndjson':
      return lines(letters.map((letter) => JSON.stringify(letter)));
    case 'json':
      return `[${letters.map((letter) => `\n  ${harmless(JSON.stringify(letter))}`).join(',')}\n]\n`;
  }
}

const HEAD = ['letter', 'received', 'job', 'images', 'tries', 'why'];

const lines = (texts: readonly string[]): string => texts.map((text) => `${harmless(text)}\n`).join('');

function cells(letter: KeptDeadLetter): string[] {
  if (!isReadable(letter)) return [letter.messageId, `cannot be read: ${letter.unreadable}`];
  const { messageId, receivedAtMs, tries, why } = letter;
  return [
    messageId,
    time(receivedAtMs),
    jobOf(letter) ?? '-',
    imagesOf(letter),
    String(tries),
    why.split('\n')[0] ?? '',
  ];
}

/** First and last image of the batch. */
function imagesOf(letter: DeadLetter): string {
  const indexes = requestOf(letter)?.images.map(({ index }) => index) ?? [];
  return indexes.length === 0 ? '-' : `${indexes[0]}-${indexes.at(-1)}`;
}

/** Dates end somewhere; what stands in a letter may not. */
function time(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString();
}

/** A letter whole, for a program. */
export function letterJson(letter: KeptDeadLetter): string {
  const whole = isReadable(letter) ? { ...letter, request: requestOf(letter) } : letter;
  return lines(JSON.stringify(whole, null, 2).split('\n'));
}

/** A letter whole, for a person: what it is about, then its images, or else its text. */
export function letterText(letter: KeptDeadLetter): string {
  const facts = isReadable(letter)
    ? factsOf(letter)
    : [
        ['letter', letter.messageId],
        ['why', letter.unreadable],
      ];
  const about = facts.map(([name = '', text = '']) => `${name.padEnd(10)}${text}`);
  return lines([...about, '', ...contentOf(letter)]);
}

function factsOf(letter: DeadLetter): string[][] {
  const request = requestOf(letter);
  return [
    ['letter', letter.messageId],
    ['job', jobOf(letter) ?? '-'],
    ['sent', time(letter.sentAtMs)],
    ['received', time(letter.receivedAtMs)],
    ['tries', String(letter.tries)],
    ['why', letter.why],
    ...(request === undefined
      ? []
      : [
          ['attempt', String(request.attempt)],
          ['model', `${request.model.name}/${request.model.variant}`],
          ['images', imagesOf(letter)],
        ]),
  ];
}

function contentOf(letter: KeptDeadLetter): string[] {
  if (!isReadable(letter)) return letter.text.split('\n');
  const request = requestOf(letter);
  if (request === undefined) return letter.body.split('\n');
  return request.images.map(({ index, name }) => `${index}  ${plainName(name)}`);
}
