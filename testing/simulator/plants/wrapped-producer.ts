/** A port whose producers are replaced by others that are made of them. */
import type {
  KafkaPort,
  ProducerOptions,
  TransactionalProducer,
} from '../../../streams/kafka/port.ts';

export type WrapProducer = (
  producer: TransactionalProducer,
  open: () => Promise<TransactionalProducer>,
) => Partial<TransactionalProducer>;

export function withProducers(port: KafkaPort, wrap: WrapProducer): KafkaPort {
  return {
    admin: port.admin,
    openReader: () => port.openReader(),
    openPlainProducer: () => port.openPlainProducer(),
    openMember: (options) => port.openMember(options),
    close: () => port.close(),
    openProducer: async (options: ProducerOptions) => {
      const producer = await port.openProducer(options);
      return {
        ...forwarding(producer),
        ...wrap(producer, () => port.openProducer(options)),
      };
    },
  };
}

function forwarding(producer: TransactionalProducer): TransactionalProducer {
  return {
    transactionalId: producer.transactionalId,
    producerEpoch: producer.producerEpoch,
    addPartitions: (partitions) => producer.addPartitions(partitions),
    produce: (batches) => producer.produce(batches),
    sendOffsets: (offsets) => producer.sendOffsets(offsets),
    commit: () => producer.commit(),
    abort: () => producer.abort(),
    recover: () => producer.recover(),
    repeatEnd: (last) => producer.repeatEnd(last),
    close: () => producer.close(),
  };
}
