import { useEffect, useState } from 'preact/hooks';
import { hasObjectUrl, objectUrlOf } from './object-urls.ts';

/** Pictures that are scrolled past quickly are not requested. */
const LOAD_DELAY_MS = 120;

interface ThumbnailProps {
  /** The file, if this browser has it. */
  file?: File | undefined;
  /** Its address at the service. */
  address?: string | undefined;
  /** Shown where there is no picture, such as `HEIC`. */
  type?: string | undefined;
}

/**
 * A picture without alt text: its name is beside it. A file that was shown before is there at once; of others the service's
 * picture takes less time and memory, and it has one of files that the browser cannot show.
 */
export function Thumbnail({ file, address, type = '' }: ThumbnailProps) {
  const isAtHand = file !== undefined && (address === undefined || hasObjectUrl(file));
  const own = isAtHand ? objectUrlOf(file) : undefined;
  const [requested, setRequested] = useState<string>();
  const [shown, setShown] = useState<string>();
  const [broken, setBroken] = useState<readonly string[]>([]);
  useEffect(() => {
    const timer = setTimeout(() => setRequested(address), LOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [address]);
  const sources = [own, requested === address ? requested : undefined].filter((each) => each !== undefined);
  const source = sources.find((each) => !broken.includes(each));
  const isBroken = source === undefined && sources.length > 0 && sources.at(-1) === (address ?? own);
  return (
    <span class={`thumb thumb-${isBroken ? 'broken' : source === shown ? 'shown' : 'loading'}`}>
      {source !== undefined && (
        <img
          src={source}
          alt=""
          decoding="async"
          draggable={false}
          onLoad={() => setShown(source)}
          onError={() => setBroken([...broken, source])}
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
