import { describe, expect, it } from 'vitest';
import { drawTable } from '../../../src/cli/terminal/table.ts';

const head = ['name', 'n'];

describe('a table', () => {
  it('has lines around its cells', () => {
    expect(drawTable(head, [['cat.jpg', '7']], { alignRight: ['n'] })).toBe(
      ['┌─────────┬───┐', '│ name    │ n │', '├─────────┼───┤', '│ cat.jpg │ 7 │', '└─────────┴───┘'].join(
        '\n',
      ),
    );
  });

  it('counts a wide character as two columns', () => {
    const widths = drawTable(head, [['猫', '7']]).split('\n');
    expect(widths[3]).toBe('│ 猫   │ 7 │');
  });

  it('without a frame pads cells, to the left where they are figures', () => {
    const rows = [
      ['cat.jpg', '7'],
      ['b', '12'],
    ];
    expect(drawTable(head, rows, { frame: 'none', alignRight: ['n'] })).toBe(
      'name      n\ncat.jpg   7\nb        12',
    );
    expect(drawTable(head, rows, { frame: 'none' })).toBe('name     n\ncat.jpg  7\nb        12');
  });

  it('without a frame lets the last cell of a short row run on', () => {
    const rows = [
      ['a', '1', 'x'],
      ['b', 'unknown: no permission'],
    ];
    expect(drawTable(['id', 'n', 'm'], rows, { frame: 'none' })).toBe(
      'id  n  m\na   1  x\nb   unknown: no permission',
    );
  });

  it('without a frame and without rows is empty', () => {
    expect(drawTable(head, [], { frame: 'none' })).toBe('');
  });

  it.each(['lines', 'none'] as const)('with frame %s writes control characters out', (frame) => {
    const drawn = drawTable(head, [['a\u001b[2J\nb', '7']], { frame });
    expect(drawn).toContain('a\\u001b[2J\\u000ab');
    expect(drawn).not.toContain('\u001b');
  });
});
