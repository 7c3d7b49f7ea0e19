import { jobTimeMs } from '../../core/job/job-ids.ts';
import { byteSize } from '../../core/text/byte-size.ts';
import { harmless } from '../../core/text/harmless.ts';
import type { Duplicates } from '../../photos/find/find-duplicates.ts';
import type { FoundPhotograph } from '../../photos/find/find-photographs.ts';
import { nearPath } from '../terminal/near-path.ts';
import type { Screen } from '../terminal/screen.ts';
import { type Cell, drawTable, tabSeparated } from '../terminal/table.ts';

interface Style {
  format: 'table' | 'json' | 'ndjson';
  /** Only the paths of files. */
  null?: boolean;
  /** Undefined: for a program. */
  screen: Screen | undefined;
}

export function photographsText(photographs: readonly FoundPhotograph[], style: Style): string {
  if (style.null === true) return photographs.map(({ place }) => `${place.at}\0`).join('');
  if (style.format !== 'table') return jsonText(photographs.map(jsonOf), style.format);
  const rows = photographs.map((photograph) => cells(photograph, style.screen));
  const table = drawTable(['photograph', 'label', 'score', 'labelled'], rows, {
    frame: 'none',
    screen: style.screen,
    alignRight: ['score'],
    dropFirst: ['labelled', 'score'],
  });
  return table === '' ? '' : `${table}\n`;
}

function cells({ place, label, score, job }: FoundPhotograph, screen: Screen | undefined): Cell[] {
  const shown = place.kind === 'file' && screen !== undefined ? nearPath(place.at) : place.at;
  const day = new Date(jobTimeMs(job)).toLocaleDateString('sv');
  return [shown, { text: label.label, style: 'bold' }, `${(100 * score).toFixed(1)} %`, day];
}

const KEYS = { file: 'path', object: 'address', web: 'address', upload: 'name' } as const;

const jsonOf = ({ place, label, score, job }: FoundPhotograph): object => ({
  [KEYS[place.kind]]: place.at,
  ...(label.wnid === undefined ? { category: label.label } : label),
  score: Math.round(score * 10_000) / 10_000,
  job,
  labelledAtMs: jobTimeMs(job),
});

const jsonText = (values: readonly object[], format: 'json' | 'ndjson'): string => {
  const lines = values.map((value) => harmless(JSON.stringify(value)));
  if (format === 'ndjson') return lines.map((line) => `${line}\n`).join('');
  return `[${lines.map((line) => `\n  ${line}`).join(',')}\n]\n`;
};

/** Groups of files: for people, under the size of one and the number of copies. */
export function duplicatesText(groups: readonly Duplicates[], { format, screen }: Style): string {
  if (format !== 'table') return jsonText(groups, format);
  if (groups.length === 0) return '';
  if (screen === undefined) {
    const rows = groups.flatMap(({ bytes, paths }, at) =>
      paths.map((file) => [`${at + 1}`, `${bytes}`, file]),
    );
    return [['group', 'bytes', 'path'], ...rows].map((row) => `${tabSeparated(row)}\n`).join('');
  }
  const texts = groups.map(
    ({ bytes, paths }) =>
      `${paths.length} files of ${byteSize(bytes)}\n${paths.map((file) => `  ${harmless(nearPath(file))}\n`).join('')}`,
  );
  return texts.join('\n');
}
