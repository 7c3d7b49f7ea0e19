import { counted } from '../../format.ts';
import { Thumbnail } from '../../shell/thumbnail.tsx';
import { originalOf } from '../../upload/originals.ts';
import type { Stack } from '../filter/arrange.ts';
import { thumbnailAddress } from '../picture-addresses.ts';

/** Pictures of a stack that are shown. */
export const SHOWN_OF_STACK = 3;

interface StackCardProps {
  job: string;
  stack: Stack;
  position: number;
  isCurrent: boolean;
  isOutside: boolean;
  onOpen(): void;
}

/** Several images with the same label or category. */
export function StackCard({ job, stack, position, isCurrent, isOutside, onOpen }: StackCardProps) {
  const { title, images } = stack;
  const count = counted(images.length, 'photo');
  return (
    <button
      type="button"
      class="photo stack"
      tabIndex={isCurrent ? 0 : -1}
      data-position={position}
      aria-label={`${title}, ${count}`}
      onClick={onOpen}
    >
      <span class="stack-pictures">
        {images.slice(0, SHOWN_OF_STACK).map((index) => (
          <Thumbnail
            key={index}
            file={originalOf(job, index)?.file}
            address={thumbnailAddress(job, index)}
            isOutside={isOutside}
          />
        ))}
      </span>
      <span class="caption">
        <span class="line label" title={title}>
          {title}
        </span>{' '}
        <span class="line name">{count}</span>
      </span>
    </button>
  );
}
