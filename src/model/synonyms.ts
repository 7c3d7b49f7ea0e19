// Other names of ImageNet's classes. Made from WordNet (tools/categories).

import table from './synonyms.json' with { type: 'json' };

const byClass = new Map(Object.entries(table));

/** The names that a class of ImageNet has besides its label. */
export const synonymsOf = (wnid: string): readonly string[] => byClass.get(wnid)?.split(', ') ?? [];
