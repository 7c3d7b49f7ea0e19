import { useEffect, useState } from 'preact/hooks';
import { objectUrlOf } from './object-urls.ts';

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

/** A picture without alt text: its name is beside it. */
export function Thumbnail({ file, address, type = '' }: ThumbnailProps) {
  // A file that this browser cannot show, such as HEIC, has a picture of the service.
  const [unshown, setUnshown] = useState<File>();
  const own = file === undefined || file === unshown ? undefined : objectUrlOf(file);
  const [requested, setRequested] = useState<string>();
  const [settled, setSettled] = useState<{ source: string; state: 'shown' | 'broken' }>();
  useEffect(() => {
    const timer = setTimeout(() => setRequested(address), LOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [address]);
  const source = own ?? (requested === address ? requested : undefined);
  const state = source !== undefined && settled?.source === source ? settled.state : 'loading';
  function fail() {
    if (source === own && address !== undefined) setUnshown(file);
    else if (source !== undefined) setSettled({ source, state: 'broken' });
  }
  return (
    <span class={`thumb thumb-${state}`}>
      {source !== undefined && state !== 'broken' && (
        <img
          src={source}
          alt=""
          decoding="async"
          draggable={false}
          onLoad={() => setSettled({ source, state: 'shown' })}
          onError={fail}
        />
      )}
      {state === 'broken' &&
        (type === '' ? (
          <svg viewBox="0 0 32 32" aria-hidden="true">
            <path d="M5 25l8-11 5 7 3-4 6 8zM21.500 11a2.500 2.500 0 1 0 0-.01" />
          </svg>
        ) : (
          <span class="thumb-type">{type}</span>
        ))}
    </span>
  );
}
