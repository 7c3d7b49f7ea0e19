import { describe, expect, it } from 'vitest';
import { fitted } from '../../../src/cli/terminal/fit.ts';
import { type Screen, UNBOUNDED } from '../../../src/cli/terminal/screen.ts';
import { drawTable } from '../../../src/cli/terminal/table.ts';

const head = ['name', 'n'];
const screen = UNBOUNDED;
const narrow = (columns: number): Screen => ({ columns, hasColours: false });
const widthsOf = (table: string) => new Set(table.split('\n').map((line) => line.length));

describe('a table', () => {
  it('has lines around its cells', () => {
    expect(drawTable(head, [['cat.jpg', '7']], { screen, alignRight: ['n'] })).toBe(
      ['┌─────────┬───┐', '│ name    │ n │', '├─────────┼───┤', '│ cat.jpg │ 7 │', '└─────────┴───┘'].join(
        '\n',
      ),
    );
  });

  it('counts a wide character as two columns', () => {
    expect(drawTable(head, [['猫', '7']], { screen }).split('\n')[3]).toBe('│ 猫   │ 7 │');
    expect(drawTable(['a', 'b'], [['猫', '7']], { screen, frame: 'none' })).toBe('a   b\n猫  7');
  });

  it('without a frame pads cells, to the left where they are figures', () => {
    const rows = [
      ['cat.jpg', '7'],
      ['b', '12'],
    ];
    expect(drawTable(head, rows, { screen, frame: 'none', alignRight: ['n'] })).toBe(
      'name      n\ncat.jpg   7\nb        12',
    );
    expect(drawTable(head, rows, { screen, frame: 'none' })).toBe('name     n\ncat.jpg  7\nb        12');
  });

  it('without a frame lets the last cell of a short row run on', () => {
    const rows = [
      ['a', '1', 'x'],
      ['b', 'unknown: no permission'],
    ];
    const wide = drawTable(['id', 'n', 'm'], rows, { screen, frame: 'none' });
    expect(wide).toBe('id  n  m\na   1  x\nb   unknown: no permission');
    expect(drawTable(['id', 'n', 'm'], rows, { screen: narrow(20), frame: 'none' })).toMatch(
      /^b {3}unknown: no per…$/m,
    );
    const dropped = { screen: narrow(8), frame: 'none', dropFirst: ['n'] } as const;
    expect(
      drawTable(
        ['id', 'n', 'm'],
        [
          ['a', 'seven', 'x'],
          ['b', 'unknown'],
        ],
        dropped,
      ),
    ).toMatch(/^b {3}un…n$/m);
  });

  it('without a frame and without rows is empty', () => {
    expect(drawTable(head, [], { screen, frame: 'none' })).toBe('');
  });

  it.each(['lines', 'none'] as const)('with frame %s writes control characters out', (frame) => {
    const drawn = drawTable(head, [['a\u001b[2J\nb', '7']], { screen, frame });
    expect(drawn).toContain('a\\u001b[2J\\u000ab');
    expect(drawn).not.toContain('\u001b');
  });

  it('for a program has tabs between its cells, and none in them', () => {
    expect(drawTable(head, [['a\tb', '7']], { screen: undefined })).toBe('name\tn\na\\u0009b\t7');
  });

  it('has colours where the screen has', () => {
    const rows = [[{ text: 'bad', style: 'red' as const }, '7']];
    expect(drawTable(head, rows, { screen: { hasColours: true } })).toContain('\u001b[31mbad\u001b[39m ');
    expect(drawTable(head, rows, { screen })).not.toContain('\u001b');
  });
});

describe('a table on a narrow terminal', () => {
  const columns = ['job', 'state', 'inputs', 'description'];
  const rows = [
    ['01M8NW9P7W353DDQK1X2DYFTSS', 'running', 'holidays/2026/summer/iceland', 'a long text about it all'],
  ];
  const style = { dropFirst: ['description'], whole: ['job'] };

  it.each([40, 60, 80, 120, 200])('of %i columns is at most as wide, and all of its lines alike', (width) => {
    const drawn = drawTable(columns, rows, { ...style, screen: narrow(width) });
    expect(widthsOf(drawn).size).toBe(1);
    expect(Math.max(...widthsOf(drawn))).toBeLessThanOrEqual(width);
  });

  it('does without columns, and cuts the widest before an id', () => {
    const drawn = drawTable(columns, rows, { ...style, screen: narrow(70) });
    expect(drawn).not.toContain('description');
    expect(drawn).toMatch(/│ 01M8NW9P7W353DDQK1X2DYFTSS │ running │ holidays\S*…\S*iceland │/);
  });

  it('is whole where it fits', () => {
    const drawn = drawTable(columns, rows, { ...style, screen: narrow(120) });
    expect(drawn).toContain('holidays/2026/summer/iceland');
    expect(drawn).toContain('a long text about it all');
  });
});

describe('a text that is cut', () => {
  it.each([
    ['short.jpg', 9, 'short.jpg'],
    ['a sentence of some words', 12, 'a sentence …'],
    ['photos/2026/IMG_0001.jpg', 13, 'photos…01.jpg'],
    ['猫猫猫猫', 5, '猫…猫'],
    ['anything', 1, '…'],
  ])('%s to %i columns is %s', (text, width, cut) => {
    expect(fitted(text, width)).toBe(cut);
  });
});
