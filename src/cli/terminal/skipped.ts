import { plainName } from '../../core/text/harmless.ts';
import { SIDECAR_ENDING } from '../../photos/sidecar.ts';
import type { Skipped } from '../../upload/inputs.ts';
import { OTHER_NAME } from '../../upload/walk.ts';
import { detail, notice } from './notice.ts';

/** Files that a notice names; the others are counted. */
const NAMED = 3;

/** Counts names and keeps the first ones. */
export interface NameList {
  count: number;
  names: string[];
}

export function addName(list: NameList, name: string): void {
  list.count++;
  if (list.names.length < NAMED) list.names.push(name);
}

/** `a.jpg, b.jpg, c.jpg and 4 more`. */
export function namesText({ count, names }: NameList): string {
  const others = count - names.length;
  return `${names.map(plainName).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
}

/** Sidecars belong beside photographs; `imgcls tag` writes one for each. */
const isSidecar = (name: string): boolean => name.toLowerCase().endsWith(SIDECAR_ENDING);

/** Collects skipped inputs by reason. Sidecars are named with --verbose only. */
export function collectSkipped(): { add(skipped: Skipped): void; report(): void } {
  const groups = new Map<string, NameList>();
  return {
    add({ source, reason }) {
      detail(`Skipped ${plainName(source)}: ${reason}.`);
      if (reason === OTHER_NAME && isSidecar(source)) return;
      const group = groups.get(reason) ?? { count: 0, names: [] };
      groups.set(reason, group);
      addName(group, source);
    },
    report() {
      for (const [reason, group] of groups) notice(skippedText(reason, group));
    },
  };
}

/** `Skipped 2 files that are not images (README.md, expected.json).` */
export function skippedText(reason: string, group: NameList): string {
  const { count } = group;
  const list = namesText(group);
  if (reason !== OTHER_NAME) return `Skipped ${list}: ${reason}.`;
  return count === 1
    ? `Skipped 1 file that is not an image (${list}).`
    : `Skipped ${count} files that are not images (${list}).`;
}
