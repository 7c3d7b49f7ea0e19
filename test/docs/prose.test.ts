/** How the pages speak (docs/glossary.md, CONTRIBUTING.md): words that a reader would search for, and sentences that are read once. */
import { describe, expect, it } from 'vitest';
import { type Page, pages } from './pages.ts';

/** Words that hide who does what, and fillers; with what to write instead. */
const AVOIDED: readonly (readonly [RegExp, string])[] = [
  [/\b(nobody|whoever)\b/i, 'name the one who acts, or "no worker", "no process"'],
  [/\bof the world\b/i, 'transient error'],
  [/\bcomes? again\b/i, 'is redelivered, is retried'],
  [/\b(made|makes?|making) anew\b/i, 'replace, create again'],
  [/\bwhich is said\b/i, 'say who reports it'],
  [/\b(thereof|therein|hereby|in order to)\b/i, 'a plain preposition'],
  [/\b(simply|obviously|easily|basically|just|(?<!-)please)\b/i, 'leave it out'],
  [/\b(utili[sz]e|leverage)\b/i, 'use'],
  [/\b(e\.g\.|i\.e\.|etc\.)/i, '"such as", "that is"'],
  [/\b(click here|see below)\b/i, 'name what is there'],
];

/** Pages for people who follow steps are read faster than explanations. */
const MAX_WORDS = { steps: 36, other: 48 };
const STEPS = /^docs\/(tutorial|troubleshooting|how-to|extend)/;

/** Old entries stay as they were written, and the glossary names the words that are not used. */
const UNCHECKED = ['CHANGELOG.md', 'docs/glossary.md'];
const checked = pages.filter(({ file }) => !UNCHECKED.includes(file));

/** Paragraphs and items of lists, without tables, headings, code and what stands in parentheses. */
const paragraphsOf = ({ prose }: Page): string[] =>
  prose
    .map((line) => (/^\s*(\||#|<|!\[)/.test(line) ? '' : line.replace(/^\s*([-*]|\d+\.)\s+/, '\n\n')))
    .join('\n')
    .split(/\n\s*\n/)
    .map((text) =>
      text
        .replaceAll(/\s+/g, ' ')
        .replaceAll(/`[^`]*`/g, 'x')
        .replaceAll(/\([^)]*\)/g, ''),
    );

/** An enumeration is no sentence. */
const isList = (sentence: string): boolean => sentence.split(',').length > 12;

describe.each(checked.map((page) => [page.file, page] as const))('%s', (file, page) => {
  it('has no word that hides who does what', () => {
    const found = page.prose.flatMap((line, at) =>
      AVOIDED.flatMap(([word, instead]) => {
        const [match] = word.exec(line.replaceAll(/`[^`]*`|\]\([^)]*\)/g, '')) ?? [];
        return match === undefined ? [] : [`${file}:${at + 1}: "${match}": ${instead}`];
      }),
    );
    expect(found).toEqual([]);
  });

  it('has no sentence that must be read twice', () => {
    const limit = STEPS.test(file) ? MAX_WORDS.steps : MAX_WORDS.other;
    const long = paragraphsOf(page)
      .flatMap((text) => text.split(/(?<=[.!?:;])\s+/))
      .filter((sentence) => !isList(sentence) && sentence.split(' ').length > limit);
    expect(long).toEqual([]);
  });
});
