import type { DeadLetter } from '../../core/job/dead-letter.ts';
import { harmless, plainName } from '../../core/text/harmless.ts';
import { isReadable, jobOf, type KeptDeadLetter, requestOf } from '../../results/dead-letter-records.ts';
import type { Screen } from '../terminal/screen.ts';
import { drawTable } from '../terminal/table.ts';

/** Values of `imgcls dlq list --format`. */
export type DeadLetterFormat = 'table' | 'lines' | 'json' | 'ndjson';

/** Dead letters as a list. */
export function deadLettersText(
  letters: readonly KeptDeadLetter[],
  format: DeadLetterFormat,
  screen: Screen | undefined,
): string {
  switch (format) {
    case 'table':
      return letters.length === 0
        ? 'No dead letters.\n'
        : `${drawTable(HEAD, letters.map(cells), { frame: 'none', screen, dropFirst: ['received', 'receives', 'images'], whole: ['message', 'job'] })}\n`;
    case 'lines':
      return lines(letters.map((letter) => cells(letter).join(', ')));
    case 'ndjson':
      return lines(letters.map((letter) => JSON.stringify(letter)));
    case 'json':
      return `[${letters.map((letter) => `\n  ${harmless(JSON.stringify(letter))}`).join(',')}\n]\n`;
  }
}

const HEAD = ['message', 'received', 'job', 'images', 'receives', 'reason'];

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

/** Indexes of the first and last image of the batch. */
function imagesOf(letter: DeadLetter): string {
  const indexes = requestOf(letter)?.images.map(({ index }) => index) ?? [];
  return indexes.length === 0 ? '-' : `${indexes[0]}-${indexes.at(-1)}`;
}

/** '-' for a time beyond the range of dates, as a damaged dead letter may have. */
function time(ms: number): string {
  const date = new Date(ms);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString();
}

/** A dead letter in full, as JSON. */
export function deadLetterJson(letter: KeptDeadLetter): string {
  const full = isReadable(letter) ? { ...letter, request: requestOf(letter) } : letter;
  return lines(JSON.stringify(full, null, 2).split('\n'));
}

/** A dead letter in full, as text: its facts, then its images, or its body if that is no request. */
export function deadLetterText(letter: KeptDeadLetter): string {
  const facts = isReadable(letter)
    ? factsOf(letter)
    : [
        ['message', letter.messageId],
        ['reason', letter.unreadable],
      ];
  const about = facts.map(([name = '', text = '']) => `${name.padEnd(10)}${text}`);
  return lines([...about, '', ...contentOf(letter)]);
}

function factsOf(letter: DeadLetter): string[][] {
  const request = requestOf(letter);
  return [
    ['message', letter.messageId],
    ['job', jobOf(letter) ?? '-'],
    ['sent', time(letter.sentAtMs)],
    ['received', time(letter.receivedAtMs)],
    ['receives', String(letter.tries)],
    ['reason', letter.why],
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
