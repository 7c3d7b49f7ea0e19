import { describe, expect, it } from 'vitest';
import { CAUSES } from '../../src/aws/error-causes.ts';
import { errorCode, predictionWarning } from '../../src/core/model/outcome.ts';
import { pages } from './pages.ts';

const textOf = (file: string): string => pages.find((page) => page.file === file)?.text ?? '';
const guide = textOf('docs/troubleshooting.md');
const reference = textOf('docs/reference/errors.md');
const service = guide.split('## The page and the REST service')[1] ?? '';

/** The first cells of the rows of tables. */
const firstCells = (text: string): string[] => rowsOf(text).map(([cell = '']) => cell);

const rowsOf = (text: string): string[][] =>
  [...text.matchAll(/^\| (.+?) \|$/gm)].map(([, row = '']) => row.split(' | '));

/** Matches a message as the reference writes it: `{name}` stands for a value. */
function patternOf(message: string): RegExp {
  const [before = '', ...values] = message.replaceAll('\\', '').split(/\{[^}]*\}/);
  const literally = (text: string) => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${[before, ...values].map(literally).join('.+')}$`);
}

/** Of a text such as "{why}: {error}." each message would be one. */
const saysSomething = (message: string): boolean =>
  (message.replaceAll(/\{[^}]*\}/g, '').match(/[a-z]{2,}/gi) ?? []).length >= 3;

/** Messages with a reason of AWS. */
const refusals = CAUSES.flatMap(({ reason }) =>
  reason === undefined ? [] : [`Could not {what}: ${reason}.`],
);

describe('troubleshooting', () => {
  it.each([...errorCode.options, ...predictionWarning.options])('explains %s', (code) => {
    expect(guide).toMatch(new RegExp(`^### ${code}$|\`${code}\` \\(`, 'm'));
  });

  it('has each status that the service answers with', () => {
    const statuses = firstCells(reference).filter((cell) => /^\d{3}$/.test(cell));
    const explained = firstCells(service).flatMap((cell) => cell.split(', '));
    expect(statuses.length).toBeGreaterThan(30);
    expect([...new Set(statuses)].filter((status) => !explained.includes(status))).toEqual([]);
  });

  it('quotes messages as the program prints them', () => {
    const messages = [...rowsOf(reference).flat(), ...refusals].filter(saysSomething).map(patternOf);
    const quoted = [...guide.matchAll(/^### `(.+)`$/gm)].map(([, message = '']) => message);
    expect(quoted.length).toBeGreaterThan(5);
    expect(quoted.filter((message) => !messages.some((each) => each.test(message)))).toEqual([]);
  });
});
