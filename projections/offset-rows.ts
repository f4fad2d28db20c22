/**
 * `roll_service_consumer_offsets`: where each partition's next record stands. The row is what a projector
 * goes by, Kafka's committed offset only its mirror: it moves in the transaction of the rows that the
 * records gave, and whoever wants to move it has to hold it and find it where its batch begins.
 */
import type { Database } from '../database/connection.ts';
import type { PartitionOffset, TopicPartition } from '../streams/kafka/port.ts';

export interface OffsetMove extends PartitionOffset {
  readonly highWatermark: number;
  /** Of the last record that gave a row; undefined: the row says what it said. */
  readonly lastEventId: string | undefined;
  /** Milliseconds since 1970. */
  readonly lastEventCreatedAtMs: number | undefined;
}

export class OffsetRows {
  readonly #groupId: string;

  constructor(groupId: string) {
    this.#groupId = groupId;
  }

  /** Where the partitions stand; one that has no row yet gets one at its start. */
  async positions(
    database: Database,
    starts: readonly PartitionOffset[],
  ): Promise<readonly PartitionOffset[]> {
    const names = [
      this.#groupId,
      starts.map(({ topic }) => topic),
      starts.map(({ partition }) => partition),
    ];
    await database.query(
      `INSERT INTO roll_service_consumer_offsets (consumer_group, topic, partition, offset_position)
       SELECT $1::text, * FROM unnest($2::text[], $3::int[], $4::bigint[]) ON CONFLICT DO NOTHING`,
      [...names, starts.map(({ offset }) => offset)],
    );
    const { rows } = await database.query(
      `SELECT topic, partition, offset_position FROM roll_service_consumer_offsets
       WHERE consumer_group = $1
         AND (topic, partition) IN (SELECT * FROM unnest($2::text[], $3::int[]))`,
      names,
    );
    return rows.map((row) => ({
      topic: String(row['topic']),
      partition: Number(row['partition']),
      offset: Number(row['offset_position']),
    }));
  }

  /** Holds the row until the transaction ends. Undefined: there is none. */
  async lock(
    database: Database,
    { topic, partition }: TopicPartition,
  ): Promise<number | undefined> {
    const { rows } = await database.query(
      `SELECT offset_position FROM roll_service_consumer_offsets
       WHERE consumer_group = $1 AND topic = $2 AND partition = $3 FOR UPDATE`,
      [this.#groupId, topic, partition],
    );
    const position = rows[0]?.['offset_position'];
    return position === undefined ? undefined : Number(position);
  }

  async move(database: Database, to: OffsetMove): Promise<void> {
    const { topic, partition, offset, highWatermark, lastEventId, lastEventCreatedAtMs } = to;
    const createdAt = lastEventCreatedAtMs && new Date(lastEventCreatedAtMs).toISOString();
    await database.query(
      `UPDATE roll_service_consumer_offsets
       SET offset_position = $4, high_watermark = $5, last_event_id = coalesce($6, last_event_id),
           last_event_created_at = coalesce($7, last_event_created_at), updated_at = now()
       WHERE consumer_group = $1 AND topic = $2 AND partition = $3`,
      [this.#groupId, topic, partition, offset, highWatermark, lastEventId, createdAt],
    );
  }
}
