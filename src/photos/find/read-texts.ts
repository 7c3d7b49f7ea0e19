import { DamagedIndexError, type PiecePlace, type SearchIndex } from '../../core/cloud/search-index.ts';
import { shardKey } from '../../core/job/keys.ts';
import { type PhotographText, parseTexts } from './piece.ts';

/** A photograph of the index. */
export interface Indexed {
  piece: PiecePlace;
  /** In the piece. */
  at: number;
}

/** Where these photographs are. Reads each piece once. Those that were deleted meanwhile are missing. */
export async function readTexts<T extends Indexed>(
  search: SearchIndex,
  photographs: readonly T[],
): Promise<Map<T, PhotographText>> {
  const found = new Map<T, PhotographText>();
  const byPiece = Map.groupBy(photographs, ({ piece }) => shardKey(piece.job, piece.firstShard));
  for (const ofPiece of byPiece.values()) {
    const rest = await search.rest((ofPiece[0] as T).piece);
    if (rest === undefined) continue;
    const texts = parseTexts(rest.texts);
    for (const photograph of ofPiece) {
      const text = texts[photograph.at];
      if (text === undefined) throw new DamagedIndexError();
      found.set(photograph, text);
    }
  }
  return found;
}
