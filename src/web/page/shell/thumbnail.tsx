import { useEffect, useState } from 'preact/hooks';
import { hasObjectUrl, objectUrlOf } from './object-urls.ts';
import { isScrolling } from './scrolling.ts';
import { usePicture } from './use-picture.ts';

/** Pictures that are scrolled past quickly are not requested. */
const LOAD_DELAY_MS = 120;

interface ThumbnailProps {
  /** The file, if this browser has it. */
  file?: File | undefined;
  /** Its address at the service. */
  address?: string | undefined;
  /** Shown where there is no picture, such as `HEIC`. */
  type?: string | undefined;
  /** Outside of the window: those inside of it are loaded first. */
  isOutside?: boolean;
}

/**
 * A picture without alt text: its name is beside it. A file that was shown before is there at once; of others the service's
 * picture takes less time and memory, and it has one of files that the browser cannot show.
 */
export function Thumbnail({ file, address, type = '', isOutside = false }: ThumbnailProps) {
  const isAtHand = file !== undefined && (address === undefined || hasObjectUrl(file));
  const own = isAtHand ? objectUrlOf(file) : undefined;
  const [requested, setRequested] = useState(isOutside || isScrolling() ? undefined : address);
  const [shown, setShown] = useState<string>();
  const [brokenFile, setBrokenFile] = useState<string>();
  const picture = usePicture(address);
  useEffect(() => {
    if (requested === address) return;
    const timer = setTimeout(() => setRequested(address), LOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [address]);
  const isOwn = own !== undefined && own !== brokenFile;
  const isLoaded = requested === address && !picture.isWaiting && !picture.isMissing;
  const source = isOwn ? own : isLoaded ? address : undefined;
  const isBroken = !isOwn && (address === undefined ? own !== undefined : picture.isMissing);
  const isShown = source !== undefined && source === shown;
  return (
    <span class={`thumb thumb-${isBroken ? 'broken' : isShown ? 'shown' : 'loading'}`}>
      {source !== undefined && (
        <img
          key={picture.load}
          fetchpriority={isOutside ? 'low' : 'auto'}
          src={source}
          alt=""
          decoding="async"
          draggable={false}
          onLoad={() => setShown(source)}
          onError={() => (isOwn ? setBrokenFile(own) : picture.onError())}
        />
      )}
      {isBroken &&
        (type === '' ? (
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M5 25l8-11 5 7 3-4 6 8zM21.5 11a2.5 2.5 0 1 0 0-.01" />
          </svg>
        ) : (
          <span class="thumb-type">{type}</span>
        ))}
    </span>
  );
}
