import { useSignal } from '@preact/signals';
import { Icon } from '../../controls/icon.tsx';
import { objectUrlOf } from '../../shell/object-urls.ts';
import type { Zoom } from './zoom.ts';

interface StagedPictureProps {
  /** The file, if this browser has it. */
  file: File | undefined;
  thumbnail: string;
  preview: string;
  zoom: Zoom;
}

/** A large picture. Its thumbnail is there first. A browser that cannot show the file gets the service's preview. */
export function StagedPicture({ file, thumbnail, preview, zoom: { scale, x, y } }: StagedPictureProps) {
  const sources = file === undefined ? [preview] : [objectUrlOf(file), preview];
  const failures = useSignal(0);
  const isShown = useSignal(false);
  const source = sources[failures.value];
  if (source === undefined)
    return (
      <div class="stage-nothing">
        <Icon name="image" />
        <p>This file cannot be shown.</p>
      </div>
    );
  return (
    <>
      {!isShown.value && <img class="stage-picture" src={file === undefined ? thumbnail : source} alt="" />}
      <img
        class="stage-picture"
        src={source}
        alt=""
        draggable={false}
        style={{ transform: `translate(${x}px, ${y}px) scale(${scale})`, opacity: isShown.value ? 1 : 0 }}
        onLoad={() => {
          isShown.value = true;
        }}
        onError={() => {
          failures.value++;
        }}
      />
    </>
  );
}
