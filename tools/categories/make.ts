/**
 * Makes src/model/categories.json and synonyms.json from WordNet 3.0 and rules.json: node tools/categories/make.ts data.noun
 *
 * A class belongs to the category of the nearest synset above it, or of itself, that rules.json names. If several are equally
 * near, the category that comes first in rules.json wins.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Synset, synsetsOf } from './wordnet.ts';

/** Categories. Of each the synsets that belong to it, by WordNet id, with their first words for the reader. */
type Table = Record<string, Record<string, string>>;

const file = process.argv[2];
if (file === undefined) throw new Error('Usage: node tools/categories/make.ts data.noun');
const root = path.join(import.meta.dirname, '..', '..');
const readJson = (name: string) => JSON.parse(readFileSync(path.join(root, name), 'utf8'));
const rules: Table = readJson('tools/categories/rules.json');
const classes: { wnid: string; label: string }[] = readJson('models/efficientnet-lite0/labels.json');
const synsets = synsetsOf(readFileSync(file, 'latin1'));

const rank = new Map(Object.keys(rules).map((category, at) => [category, at]));
const categoryBySynset = new Map<string, string>();
for (const [category, named] of Object.entries(rules))
  for (const [wnid, word] of Object.entries(named)) {
    const [found] = synset(wnid).words;
    if (found !== word) throw new Error(`rules.json: ${wnid} is ${found}, not ${word}`);
    if (categoryBySynset.has(wnid)) throw new Error(`rules.json names ${wnid} twice`);
    categoryBySynset.set(wnid, category);
  }

const table: Table = Object.fromEntries(Object.keys(rules).map((category) => [category, {}]));
const needed = new Set<string>();
for (const { wnid, label } of classes) {
  const deciding = nearest(wnid);
  needed.add(deciding);
  const members = table[categoryBySynset.get(deciding) ?? ''];
  if (members !== undefined) members[wnid] = label;
}
const useless = [...categoryBySynset.keys()].filter((wnid) => !needed.has(wnid));
if (useless.length > 0) throw new Error(`rules.json: ${useless.join(', ')} decide no class`);
writeJson('src/model/categories.json', table);
writeJson('src/model/synonyms.json', synonyms());

function writeJson(name: string, value: unknown): void {
  writeFileSync(path.join(root, name), `${JSON.stringify(value, undefined, 2)}\n`);
}

/** The words of each class besides its label. */
function synonyms(): Record<string, string> {
  const others = classes.map(
    ({ wnid, label }) => [wnid, synset(wnid).words.filter((word) => word !== label)] as const,
  );
  return Object.fromEntries(
    others.flatMap(([wnid, words]) => (words.length === 0 ? [] : [[wnid, words.join(', ')]])),
  );
}

/** The synset of rules.json that decides the category of a class. */
function nearest(wnid: string): string {
  let level = [wnid];
  while (level.length > 0) {
    const [first] = level.filter((id) => categoryBySynset.has(id)).sort((a, b) => rankOf(a) - rankOf(b));
    if (first !== undefined) return first;
    level = level.flatMap((id) => synset(id).hypernyms);
  }
  throw new Error(`rules.json has no synset above ${wnid} (${synset(wnid).words[0]})`);
}

function rankOf(wnid: string): number {
  return rank.get(categoryBySynset.get(wnid) ?? '') ?? Number.POSITIVE_INFINITY;
}

function synset(wnid: string): Synset {
  const found = synsets.get(wnid);
  if (found === undefined) throw new Error(`WordNet 3.0 has no noun ${wnid}`);
  return found;
}
