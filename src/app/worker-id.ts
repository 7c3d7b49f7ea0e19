import { ulid } from 'ulid';

export const newWorkerId = (): string => `w-${ulid().toLowerCase()}`;
