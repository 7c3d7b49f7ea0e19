import { ObjectMissingError, PoisonError } from '../core/errors.ts';
import { type ManifestEntry, manifestEntry } from '../core/job.ts';
import { manifestPartKey, manifestPrefix, parseManifestPartKey } from '../core/keys.ts';
import type { Store } from '../core/ports.ts';
import { parseVersioned } from '../core/versioned.ts';
import type { Span } from './coverage.ts';
