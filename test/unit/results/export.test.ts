import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/core/model/outcome.ts';
import { harmless, plainName } from '../../../src/core/text/harmless.ts';
import { createExporter } from '../../../src/results/export.ts';
import { type ExportFormat, exportFormats } from '../../../src/results/export-format-names.ts';

const cat: Outcome = {
  v: 1,
  index: 0,
  name: 'cat.jpg',
  labels: [
    { wnid: 'n02123045', label: 'tabby', score: 0.75 },
    { wnid: 'n02124075', label: 'Egyptian cat', score: 0.25 },
  ],
  ms: 12.5,
  model: 'resnet50/int8',
};
const bad: Outcome = {
  v: 1,
  index: 1,
  name: '=cmd(),"x"',
  error: { code: 'not_an_image', message: 'This is text.' },
};

function exported(format: ExportFormat, outcomes: Outcome[]): string {
  const exporter = createExporter(format);
  return exporter.begin() + outcomes.map(exporter.row).join('') + exporter.end();
}

describe('exported results', () => {
  it('are one line per image: name, label', () => {
    expect(exported('lines', [cat, bad])).toBe('cat.jpg, tabby\n"=cmd(),\\"x\\"", error: not_an_image\n');
  });
  it('are one JSON object per line, with the best label at the top level', () => {
    const [first, second] = exported('ndjson', [cat, bad])
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(first).toEqual({
      index: 0,
      name: 'cat.jpg',
      label: 'tabby',
      wnid: 'n02123045',
      score: 0.75,
      labels: cat.labels,
      model: 'resnet50/int8',
      ms: 12.5,
    });
    expect(second).toEqual({ index: 1, name: bad.name, error: bad.error });
  });
  it('say why labels are unreliable, how much of a damaged image was left, and what was classified', () => {
    const cut: Outcome = { ...cat, warning: 'damaged', decodedShare: 0.7 };
    const raw: Outcome = { ...cat, source: 'preview' };
    expect(
      exported('ndjson', [cut, raw])
        .split('\n')
        .slice(0, 2)
        .map((line) => JSON.parse(line)),
    ).toEqual([
      expect.objectContaining({ warning: 'damaged', decodedShare: 0.7 }),
      expect.objectContaining({ source: 'preview' }),
    ]);
    const [header, ...rows] = exported('csv', [cut, raw]).split('\r\n');
    expect(header).toMatch(
      /,ms,warning,error_code,error_message,decoded_share,source,category,category_score$/,
    );
    expect(rows[0]).toMatch(/,12\.5,damaged,,,0\.7,,,$/);
    expect(rows[1]).toMatch(/,12\.5,,,,,preview,,$/);
  });
  it('have the category of an image beside its label', () => {
    const outcome: Outcome = { ...cat, category: { name: 'cat', score: 1 } };
    expect(JSON.parse(exported('ndjson', [outcome]))).toMatchObject({
      label: 'tabby',
      score: 0.75,
      category: { name: 'cat', score: 1 },
    });
    expect(exported('csv', [outcome])).toMatch(/,category,category_score\r\n0,cat\.jpg,tabby,.*,cat,1\r\n$/);
  });
  it.each([[[]], [[cat]], [[cat, bad]]])('are one JSON array, also of %# images', (outcomes: Outcome[]) => {
    expect(JSON.parse(exported('json', outcomes))).toHaveLength(outcomes.length);
  });
  it.each(exportFormats)('are whole lines at any time, as %s: progress is shown below them', (format) => {
    const exporter = createExporter(format);
    const texts = [exporter.begin(), exporter.row(cat), exporter.row(bad), exporter.end()];
    for (const text of texts) expect(text).toMatch(/^$|\n$/);
  });
  it('are CSV without formulas', () => {
    const [, first, second] = exported('csv', [cat, bad]).split('\r\n');
    expect(first).toBe('0,cat.jpg,tabby,n02123045,0.75,resnet50/int8,12.5,,,,,,,');
    expect(second).toBe(`1,"'=cmd(),""x""",,,,,,,not_an_image,This is text.,,,,`);
  });
  it.each([
    ['+1', `'+1`],
    ['-rf', `'-rf`],
    ['@SUM(A1)', `'@SUM(A1)`],
    ['＝cmd()', `'＝cmd()`],
    ['\t=1', '\\u0009=1'],
    ['\r=1', '\\u000d=1'],
    ['\u001b]0;owned\u0007', '"\\u001b]0;owned\\u0007"'],
    ['two\nlines', 'two\\u000alines'],
  ])('are CSV in which the name %j is neither a formula nor a control sequence', (name, cell) => {
    const [, row] = exported('csv', [{ ...bad, name }]).split('\r\n');
    expect(row).toBe(`1,${cell},,,,,,,not_an_image,This is text.,,,,`);
  });
});

describe('a CSV file of results', () => {
  /** A spreadsheet takes text that begins like this for a formula. */
  const FORMULA_SIGNS = ['=', '+', '-', '@', '＝', '＋', '－', '＠'];
  const anyText = fc
    .array(fc.oneof(fc.constantFrom(...FORMULA_SIGNS, ...`",;' \t\r\n`), fc.string({ unit: 'binary' })))
    .map((parts) => parts.join(''));

  /** Strict: a quote inside a field that is not quoted is an error. */
  const rowsOf = (csv: string): string[][] => parse(csv, { record_delimiter: '\r\n' });

  it('gives every name and message back to a program that reads it, whatever is in them', () => {
    fc.assert(
      fc.property(fc.array(fc.record({ name: anyText, message: anyText })), (images) => {
        const outcomes = images.map(({ name, message }, index) => ({
          ...bad,
          index,
          name,
          error: { code: 'unreadable' as const, message },
        }));
        const isFormula = (text: string) => FORMULA_SIGNS.some((sign) => text.startsWith(sign));
        const shown = (text: string) =>
          harmless(
            text
              .split(';')
              .map((part) => (isFormula(part) ? `'${part}` : part))
              .join(';'),
          );
        const [header, ...rows] = rowsOf(exported('csv', outcomes));
        expect(header).toContain('error_message');
        expect(rows).toEqual(
          images.map(({ name, message }, index) => [
            ...[String(index), shown(name), '', '', '', '', '', ''],
            ...['unreadable', shown(message), '', '', '', ''],
          ]),
        );
      }),
    );
  });

  it('has no cell with a formula in a spreadsheet where a semicolon separates', () => {
    const csv = exported('csv', [{ ...cat, name: 'x;=cmd|calc!A1;-1.jpg' }]);
    const cells = csv.split(/;|\r\n/);
    expect(cells).toContain("'=cmd|calc!A1");
    for (const cell of cells) expect(cell).not.toMatch(/^"*[=+\-@]/);
  });

  it('can be read where a name has a quote and no comma', () => {
    const [, row] = rowsOf(exported('csv', [{ ...cat, name: 'print 5"x7".jpg' }]));
    expect(row?.[1]).toBe('print 5"x7".jpg');
  });
});

describe('a name in a line', () => {
  it('stays as it is when it is plain', () => {
    expect(plainName('Ünï cödé 🐈.jpg')).toBe('Ünï cödé 🐈.jpg');
  });
  it.each([
    ['a\nb', '"a\\nb"'],
    ['a,b', '"a,b"'],
    ['\u001b[31mred', '"\\u001b[31mred"'],
    ['\u009b31m', '"\\u009b31m"'],
    ['\u202egpj.exe', '"\\u202egpj.exe"'],
    ['\u061cgpj.exe', '"\\u061cgpj.exe"'],
  ])('is quoted if it could break the line or control the terminal: %j', (name, shown) => {
    expect(plainName(name)).toBe(shown);
  });
});
