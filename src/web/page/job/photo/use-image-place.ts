import { useEffect, useState } from 'preact/hooks';
import type { ImagePlaceView } from '../../../api.ts';
import { callService } from '../../service/call-service.ts';

/** Images that are only passed by are not asked for. */
const DELAY_MS = 150;

/** The path or the address of an image; undefined while it is not known, and of an upload, which has none. */
export function useImagePlace(job: string, index: number): string | undefined {
  const [place, setPlace] = useState<string>();
  useEffect(() => {
    setPlace(undefined);
    const closed = new AbortController();
    const ask = async () => {
      const path = `/jobs/${job}/images/${index}/place`;
      const { kind, at } = await callService<ImagePlaceView>(path, { signal: closed.signal });
      if (kind !== 'upload') setPlace(at);
    };
    // The photograph is shown without it.
    const timer = setTimeout(() => void ask().catch(() => {}), DELAY_MS);
    return () => {
      clearTimeout(timer);
      closed.abort();
    };
  }, [job, index]);
  return place;
}
