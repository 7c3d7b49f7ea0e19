import type { IndexedLabel } from '../../core/cloud/search-index.ts';

/** Numbers the labels of a job. */
export class LabelNumbers {
  readonly all: IndexedLabel[];
  readonly #numbers: Map<string, number>;

  constructor(known: readonly IndexedLabel[]) {
    this.all = [...known];
    this.#numbers = new Map(known.map((label, number) => [labelKey(label), number]));
  }

  numberOf(label: IndexedLabel): number {
    const number = this.#numbers.get(labelKey(label)) ?? this.all.length;
    if (number === this.all.length) {
      this.all.push(label);
      this.#numbers.set(labelKey(label), number);
    }
    return number;
  }
}

/** Identifies a label in all jobs. */
export const labelKey = ({ wnid, label }: IndexedLabel): string => `${wnid ?? ''}\t${label}`;
