import { useState } from 'preact/hooks';
import { Icon } from '../../controls/icon.tsx';
import { objectUrlOf } from '../../shell/object-urls.ts';
import { usePicture } from '../../shell/use-picture.ts';
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
  const [isFileBroken, setFileBroken] = useState(false);
  const [isShown, setShown] = useState(false);
  const { load, isWaiting, isMissing, onError } = usePicture(preview);
  const own = file === undefined || isFileBroken ? undefined : objectUrlOf(file);
  if (own === undefined && isMissing)
    return (
      <div class="stage-nothing">
        <Icon name="image" />
        <p>This file cannot be shown.</p>
      </div>
    );
  return (
    <>
      {!isShown && <img class="stage-picture" src={own ?? thumbnail} alt="" />}
      {(own !== undefined || !isWaiting) && (
        <img
          key={load}
          class="stage-picture"
          src={own ?? preview}
          alt=""
          draggable={false}
          style={{ transform: `translate(${x}px, ${y}px) scale(${scale})`, opacity: isShown ? 1 : 0 }}
          onLoad={() => setShown(true)}
          onError={() => (own === undefined ? onError() : setFileBroken(true))}
        />
      )}
    </>
  );
}
