import { useEffect, useState } from 'preact/hooks';

/** Pictures that are scrolled past quickly are not requested. */
const LOAD_DELAY_MS = 120;

interface ThumbnailProps {
  /** The file, if this browser has it. */
  file?: File | undefined;
  /** Its address at the service. */
  address?: string;
}

/** A picture without alt text: its name is beside it. */
export function Thumbnail({ file, address }: ThumbnailProps) {
  const [source, setSource] = useState<string>();
  const [state, setState] = useState<'loading' | 'shown' | 'broken'>('loading');
  useEffect(() => {
    setState('loading');
    if (file !== undefined) {
      const url = URL.createObjectURL(file);
      setSource(url);
      return () => URL.revokeObjectURL(url);
    }
    const timer = setTimeout(() => setSource(address), LOAD_DELAY_MS);
    return () => clearTimeout(timer);
  }, [file, address]);
  return (
    <span class={`thumb thumb-${state}`}>
      {source !== undefined && state !== 'broken' && (
        <img
          src={source}
          alt=""
          decoding="async"
          draggable={false}
          onLoad={() => setState('shown')}
          onError={() => setState('broken')}
        />
      )}
      {state === 'broken' && (
        <svg viewBox="0 0 32 32" aria-hidden="true">
          <path d="M5 25l8-11 5 7 3-4 6 8zM21.500 11a2.500 2.500 0 1 0 0-.01" />
        </svg>
      )}
    </span>
  );
}
