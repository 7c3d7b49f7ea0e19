import type { DeadLetter } from '../core/dead-letter.ts';
import { harmless } from '../results/export.ts';
import { requestOf, type UnreadableLetter } from '../results/letters.ts';
import { columns } from './columns.ts';

/** Letters below each other, for a person. */
export function lettersText(letters: readonly (DeadLetter | UnreadableLetter)[]): string {
  if (letters.length === 0) return 'There is no dead letter.\n';
  const lines = columns(['letter', 'received', 'job', 'images', 'tries', 'why'], letters.map(cells));
  return lines.map((line) => `${harmless(line)}\n`).join('');
}

function cells(letter: DeadLetter | UnreadableLetter): string[] {
  if ('unreadable' in letter) return [letter.messageId, `cannot be read: ${letter.unreadable}`];
  const { messageId, receivedAtMs, job, tries, why } = letter;
  return [
    messageId,
    new Date(receivedAtMs).toISOString(),
    job ?? '-',
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
