import { plainName } from '../../results/export.ts';
import type { Skipped } from '../../upload/inputs.ts';
import { OTHER_NAME } from '../../upload/walk.ts';
import { notice } from './notice.ts';

/** Files that a notice names; the others are counted. */
const NAMED = 3;

interface SkippedGroup {
  count: number;
  /** The first ones. */
  names: string[];
}

/** Collects skipped inputs by reason. */
export function collectSkipped(): { add(skipped: Skipped): void; report(): void } {
  const groups = new Map<string, SkippedGroup>();
  return {
    add({ source, reason }) {
      const group = groups.get(reason) ?? { count: 0, names: [] };
      groups.set(reason, group);
      group.count++;
      if (group.names.length < NAMED) group.names.push(source);
    },
    report() {
      for (const [reason, group] of groups) notice(skippedText(reason, group));
    },
  };
}

/** `Skipped 2 files that are not images (README.md, expected.json).` */
export function skippedText(reason: string, { count, names }: SkippedGroup): string {
  const others = count - names.length;
  const list = `${names.map(plainName).join(', ')}${others > 0 ? ` and ${others} more` : ''}`;
  if (reason !== OTHER_NAME) return `Skipped ${list}: ${reason}.`;
  return count === 1
    ? `Skipped 1 file that is not an image (${list}).`
    : `Skipped ${count} files that are not images (${list}).`;
}
