// Words of labels as people type them. Pure.

import { nearest } from '../../core/text/nearest.ts';

/** Words in lower case. */
export const wordsIn = (text: string): string[] => text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [];

/** What mistyped words are likely meant to be, by the labels that there are. Undefined if that is what was typed. */
export function meantWords(
  typed: readonly string[],
  labels: readonly { label: string }[],
): string | undefined {
  const known = [...new Set(labels.flatMap(({ label }) => wordsIn(label)))];
  const words = typed.flatMap(wordsIn);
  const meant = words.map((word) => nearest(word, known) ?? word).join(' ');
  return meant === words.join(' ') ? undefined : meant;
}

/** What a word may be the plural of, besides itself: dogs, foxes, puppies, wolves. */
const SINGULARS: readonly (readonly [RegExp, string])[] = [
  [/(?<!s)s$/, ''],
  [/es$/, ''],
  [/ies$/, 'y'],
  [/ves$/, 'f'],
  [/ves$/, 'fe'],
];

const formsOf = (word: string): string[] => [
  word,
  ...SINGULARS.flatMap(([ending, other]) => (ending.test(word) ? [word.replace(ending, other)] : [])),
];

/** The first letters are compared first: thousands of words are, before a search. */
const areSame = (one: string, other: string): boolean =>
  one[0] === other[0] && (formsOf(one).includes(other) || formsOf(other).includes(one));

/** Whether a text has all of the words, each in the singular or the plural, in any case. */
export function hasWords(typed: readonly string[]): (text: string) => boolean {
  const wanted = typed.flatMap(wordsIn);
  return (text) => {
    const words = wordsIn(text);
    return wanted.every((each) => words.some((word) => areSame(each, word)));
  };
}
