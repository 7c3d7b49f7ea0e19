import { harmless } from '../../core/text/harmless.ts';
import { warn } from '../terminal/notice.ts';
import { addName, type NameList, namesText } from '../terminal/skipped.ts';

/** The files that a command has left as they are, by reason. */
export class SkippedFiles {
  count = 0;
  readonly #groups = new Map<string, NameList>();

  add(file: string, why: string): void {
    this.count++;
    const group = this.#groups.get(why) ?? { count: 0, names: [] };
    this.#groups.set(why, group);
    addName(group, file);
  }

  report(): void {
    for (const text of this.texts()) warn(text);
  }

  texts = (): string[] =>
    Array.from(this.#groups, ([why, group]) => `Skipped ${namesText(group)}: ${harmless(why)}.`);
}
