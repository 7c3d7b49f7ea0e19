/** Reads WordNet's nouns. The format of the file is described in wndb(5WN). */

export interface Synset {
  /** Its words, the most usual one first. */
  words: readonly string[];
  /** Ids of the synsets that are more general. */
  hypernyms: readonly string[];
}

/** `@`: a kind of; `@i`: an instance of. */
const HYPERNYM = new Set(['@', '@i']);

/** The synsets of `data.noun` by their ids, as ImageNet writes them: `n02084071`. */
export function synsetsOf(text: string): Map<string, Synset> {
  const synsets = new Map<string, Synset>();
  for (const line of text.split('\n')) {
    // Its licence comes first, in lines that begin with spaces.
    if (!/^\d{8} /.test(line)) continue;
    // offset, file, type, number of words in hex, (word, id)..., number of pointers, (symbol, offset, type, words)... | gloss
    const fields = line.split(' ');
    const [offset = '', , , wordCount = ''] = fields;
    const pointersAt = 4 + 2 * Number.parseInt(wordCount, 16);
    const words = fields.slice(4, pointersAt).filter((_, at) => at % 2 === 0);
    const pointers = Array.from({ length: Number(fields[pointersAt]) }, (_, at) => pointersAt + 1 + 4 * at);
    const hypernyms = pointers
      .filter((at) => HYPERNYM.has(fields[at] ?? ''))
      .map((at) => `n${fields[at + 1]}`);
    synsets.set(`n${offset}`, { words: words.map((word) => word.replaceAll('_', ' ')), hypernyms });
  }
  return synsets;
}
