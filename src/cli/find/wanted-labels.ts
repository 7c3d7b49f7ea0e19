import type { IndexedLabel } from '../../core/cloud/search-index.ts';
import { categoryNames, categoryOf } from '../../model/categories.ts';
import { synonymsOf } from '../../model/synonyms.ts';
import { hasWords } from '../../photos/find/words.ts';

/**
 * Which labels and categories words mean. A label has them itself, or its category does, or another name of its class. A
 * category needs no other names: a hot dog is no dog.
 */
export function wantedLabels(words: readonly string[]): (label: IndexedLabel) => boolean {
  const matches = hasWords(words);
  const isCategory = categoryNames.some(matches);
  return ({ label, wnid = '' }) =>
    matches(label) || matches(categoryOf(wnid) ?? '') || (!isCategory && synonymsOf(wnid).some(matches));
}
