import { isError, type Outcome } from '../core/model/outcome.ts';
import { damageText } from '../core/text/warning-text.ts';

/**
 * The outcome for a reader who wants no label of a damaged image: an error with the code of images of which too little is
 * left. The ledger keeps the label.
 */
export function refuseDamage(outcome: Outcome): Outcome {
  if (isError(outcome) || outcome.warning !== 'damaged') return outcome;
  const { v, index, name, version, decodedShare } = outcome;
  const message = `The image is damaged. ${damageText(decodedShare)}`;
  return { v, index, name, ...(version && { version }), error: { code: 'truncated', message } };
}
