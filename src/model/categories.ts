// Categories: everyday words for ImageNet's classes. Made from WordNet (tools/categories).

import type { ClassLabel } from '../core/model/model.ts';
import table from './categories.json' with { type: 'json' };

/** The categories of a model's classes. */
export interface Categories {
  names: readonly string[];
  /** For each class, in output order, the place of its category in `names`. */
  places: Uint8Array;
}

export const categoryNames: readonly string[] = Object.keys(table);
const categoryByClass = new Map(
  Object.entries(table).flatMap(([name, classes]) => Object.keys(classes).map((wnid) => [wnid, name])),
);

/** The category of a class of ImageNet. Undefined for other classes. */
export const categoryOf = (wnid: string): string | undefined => categoryByClass.get(wnid);

/** Undefined if a class is not one of ImageNet's, or if there are none: then the model has no categories. */
export function categoriesOf(labels: readonly ClassLabel[]): Categories | undefined {
  const places = labels.map(({ wnid }) => categoryNames.indexOf(categoryOf(wnid) ?? ''));
  return places.length === 0 || places.includes(-1)
    ? undefined
    : { names: categoryNames, places: Uint8Array.from(places) };
}
