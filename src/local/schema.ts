/** The tables of the embedded cloud, as migrations from any older version to this one. */
import type { DatabaseSync } from 'node:sqlite';
import { ImgclsError } from '../core/runtime/errors.ts';

/** `STEPS[n]` migrates from `user_version` n to n + 1. Released steps never change; new ones are appended. */
const STEPS: readonly string[] = [
  `
  -- An object's bytes are in data (small ones) or in a file of the objects folder, never in both.
  CREATE TABLE objects (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    etag TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    modified_at_ms INTEGER NOT NULL,
    file TEXT,
    data BLOB,
    PRIMARY KEY (bucket, key),
    CHECK ((file IS NULL) <> (data IS NULL))
  ) STRICT;
  CREATE UNIQUE INDEX objects_by_file ON objects (file) WHERE file IS NOT NULL;

  -- Files whose object was replaced or deleted. They are deleted after that commit is flushed to disk.
  CREATE TABLE doomed_files (file TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

  -- A removed queue has no name. Its messages are deleted in small steps, then its row.
  CREATE TABLE queues (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT UNIQUE,
    created_at_ms INTEGER NOT NULL,
    retention_ms INTEGER NOT NULL,
    dead_letter TEXT,
    max_receive_count INTEGER,
    -- The turn that is being served; see job-rotation.ts.
    turn INTEGER NOT NULL DEFAULT 0
  ) STRICT;

  -- The last turn given to a message of the group. '' is the group of messages without a group.
  CREATE TABLE message_groups (
    queue INTEGER NOT NULL,
    name TEXT NOT NULL,
    last_turn INTEGER NOT NULL,
    PRIMARY KEY (queue, name)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX message_groups_by_turn ON message_groups (queue, last_turn);

  -- due_at_ms is null while the message is ready, else the time when its lease or its delay ends.
  -- receipt belongs to the last lease; null if there was none, or if the message was released.
  CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue INTEGER NOT NULL,
    turn INTEGER NOT NULL,
    due_at_ms INTEGER,
    receipt TEXT,
    receive_count INTEGER NOT NULL DEFAULT 0,
    sent_at_ms INTEGER NOT NULL,
    group_name TEXT
  ) STRICT;
  CREATE INDEX messages_ready ON messages (queue, turn) WHERE due_at_ms IS NULL;
  CREATE INDEX messages_due ON messages (queue, due_at_ms) WHERE due_at_ms IS NOT NULL;

  -- A table of its own: the row of a message changes with every lease, and its body would be rewritten each time.
  CREATE TABLE message_bodies (message INTEGER PRIMARY KEY, body TEXT NOT NULL) STRICT;
  CREATE TRIGGER messages_deleted AFTER DELETE ON messages
    BEGIN DELETE FROM message_bodies WHERE message = OLD.id; END;
  `,
  `
  -- Jobs that use an object. The object is deleted with the last of them. A row without a job stands for use by jobs that
  -- were not recorded: of images from before this table, and of programs that store images first. They expire by age.
  CREATE TABLE object_jobs (
    bucket TEXT NOT NULL,
    key TEXT NOT NULL,
    job TEXT NOT NULL,
    PRIMARY KEY (bucket, key, job)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX object_jobs_by_job ON object_jobs (job);
  INSERT INTO object_jobs SELECT bucket, key, '' FROM objects WHERE bucket = 'input' AND key GLOB 'images/*';
  `,
  `
  -- Leases and delays end by the time since the machine was started (lease-clock.ts), and all that were begun before that
  -- start have ended. holder is the process that received the message last, as JSON; null if that is not known.
  ALTER TABLE messages RENAME COLUMN due_at_ms TO due_ms;
  ALTER TABLE messages ADD COLUMN holder TEXT;
  CREATE TABLE lease_clock (boot TEXT NOT NULL) STRICT;
  `,
  `
  -- Images whose predictions are in shards of the ledger, by their sha256 (known-images.ts). No name and no label is in here.
  CREATE TABLE classifiers (
    id INTEGER PRIMARY KEY,
    digest TEXT NOT NULL,
    top_k INTEGER NOT NULL,
    UNIQUE (digest, top_k)
  ) STRICT;
  CREATE TABLE known_shards (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, etag TEXT NOT NULL) STRICT;
  -- Appended shard by shard. Only the index has the order of the digests, which is random.
  CREATE TABLE known_images (
    shard INTEGER NOT NULL,
    line INTEGER NOT NULL,
    image BLOB NOT NULL,
    classifier INTEGER NOT NULL,
    PRIMARY KEY (shard, line)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX known_images_by_image ON known_images (image, classifier);
  -- They go with the version of the object.
  CREATE TRIGGER known_shards_deleted AFTER DELETE ON known_shards
    BEGIN DELETE FROM known_images WHERE shard = OLD.id; END;
  CREATE TRIGGER objects_deleted AFTER DELETE ON objects WHEN OLD.bucket = 'output'
    BEGIN DELETE FROM known_shards WHERE key = OLD.key; END;
  CREATE TRIGGER objects_replaced AFTER UPDATE OF etag ON objects WHEN OLD.bucket = 'output'
    BEGIN DELETE FROM known_shards WHERE key = OLD.key; END;
  `,
  `
  -- What finds photographs by label (search-index.ts): made from the ledger when somebody searches, and made again at will.
  -- labels: [[label, wnid], ...] as JSON. etag: of the record of a finished job that is in here completely, else null.
  CREATE TABLE searched_jobs (record TEXT PRIMARY KEY, etag TEXT, labels TEXT NOT NULL) STRICT, WITHOUT ROWID;
  -- The outcomes of consecutive shards, by the key of the first one.
  CREATE TABLE searched_pieces (
    shard TEXT PRIMARY KEY,
    last INTEGER NOT NULL,
    records BLOB NOT NULL,
    texts BLOB NOT NULL,
    digests BLOB NOT NULL
  ) STRICT;
  CREATE TRIGGER searched_objects_deleted AFTER DELETE ON objects WHEN OLD.bucket = 'output' BEGIN
    DELETE FROM searched_pieces WHERE shard = OLD.key;
    DELETE FROM searched_jobs WHERE record = OLD.key;
  END;
  `,
  `
  -- Shards whose images are not in known_images yet: their lines by sha256, as JSON.
  CREATE TABLE recent_shards (shard INTEGER PRIMARY KEY, classifier INTEGER NOT NULL, lines TEXT NOT NULL) STRICT;
  DROP TRIGGER known_shards_deleted;
  CREATE TRIGGER known_shards_deleted AFTER DELETE ON known_shards
    BEGIN
      DELETE FROM known_images WHERE shard = OLD.id;
      DELETE FROM recent_shards WHERE shard = OLD.id;
    END;
  `,
];

/** Migrates the tables to this version. Call it in a write transaction: two processes may start at once. */
export function migrate(db: DatabaseSync): void {
  const version = Number(db.prepare('PRAGMA user_version').get()?.user_version);
  if (version > STEPS.length) {
    throw new ImgclsError(
      'permanent',
      `The data folder has format ${version}, and this imgcls supports formats up to ${STEPS.length}.`,
      { hint: 'Update imgcls.' },
    );
  }
  for (const step of STEPS.slice(version)) db.exec(step);
  if (version < STEPS.length) db.exec(`PRAGMA user_version = ${STEPS.length}`);
}

/** Ends all leases and delays if the machine was started anew: the processes that held them are gone. Call it as `migrate`. */
export function useLeaseClock(db: DatabaseSync, boot: string): void {
  if (db.prepare('SELECT boot FROM lease_clock').get()?.boot === boot) return;
  db.exec('UPDATE messages SET due_ms = 0 WHERE due_ms IS NOT NULL; DELETE FROM lease_clock');
  db.prepare('INSERT INTO lease_clock (boot) VALUES (?)').run(boot);
}
