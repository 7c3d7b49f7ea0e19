import { ImgclsError } from '../core/runtime/errors.ts';
import type { Skipped } from './inputs.ts';
import { OTHER_NAME } from './walk.ts';

/** Records why a walk finds no image. */
export interface EmptyInputCheck {
  onSkip(skipped: Skipped): void;
  onEmptyList(): void;
  /** @param inputs undefined if the images come from a program. */
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
          hint: 'Write one path per line.',
        });
      return new ImgclsError('usage', `No images found in ${inputs?.join(', ') ?? 'the inputs'}.`, {
        ...(isNameWrong && {
          hint: `Folders are searched for image file names. Add --include '*' to take all files.`,
        }),
      });
    },
  };
}
