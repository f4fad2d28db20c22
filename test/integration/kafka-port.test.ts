import { kafkaPortContract, type PortUnderTest } from '../contract/kafka-port.ts';
import { plainProducerContract } from '../contract/plain-producer.ts';
import { portOn, testStack } from './test-system.ts';

const open = async (): Promise<PortUnderTest> => {
  const stack = await testStack();
  let clients = 0;
  return {
    client: () => portOn(stack, `contract-${(clients += 1)}`),
    prefix: `contract-${process.pid}-${Date.now()}`,
  };
};

kafkaPortContract('a real broker', open);
plainProducerContract('a real broker', open);
