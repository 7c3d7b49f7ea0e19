import { ImgclsError } from '../core/runtime/errors.ts';
import type { Skipped } from './inputs.ts';
import { OTHER_NAME } from './walk.ts';

/** Watches a walk that may come to nothing, to say why it did. */
export interface EmptyInputCheck {
  onSkip(skipped: Skipped): void;
  onEmptyList(): void;
  /** @param inputs undefined where the images come from a program. */
  error(inputs: readonly string[] | undefined): ImgclsError;
}

export function checkEmptyInput(onSkip: (skipped: Skipped) => void = () => {}): EmptyInputCheck {
  let isListEmpty = false;
  let isNameWrong = false;
  return {
    onSkip(skipped) {
      isNameWrong ||= skipped.reason === OTHER_NAME;
      onSkip(skipped);
    },
    onEmptyList() {
      isListEmpty = true;
    },
    error(inputs) {
      if (isListEmpty && inputs?.length === 1)
        return new ImgclsError('usage', 'The list on standard input is empty.', {
          hint: 'Give one path a line.',
        });
      return new ImgclsError('usage', `There is no image in ${inputs?.join(', ') ?? 'the inputs'}.`, {
        ...(isNameWrong && {
          hint: `Files of a folder count by their ending; "--include '*'" takes all.`,
        }),
      });
    },
  };
}
