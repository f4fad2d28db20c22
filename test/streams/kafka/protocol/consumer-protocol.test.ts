import { describe, expect, test } from '@jest/globals';
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from '../../../../streams/kafka/protocol/consumer-protocol.ts';
import { javaBytes } from '../java-client.ts';

const subscription = { topics: ['topic-a', 'topic-b'], userData: Buffer.from('user data') };
const partitions = [
  { topic: 'topic-a', partition: 0 },
  { topic: 'topic-a', partition: 2 },
  { topic: 'topic-b', partition: 1 },
];
const none = Buffer.alloc(0);
const assignment = { partitions, userData: none };

describe('consumer protocol', () => {
  test('writes the Java consumer’s subscription and assignment', () => {
    expect(encodeSubscription(subscription)).toEqual(javaBytes('subscriptionV0'));
    expect(encodeAssignment(assignment)).toEqual(javaBytes('assignmentV0'));
  });

  test('reads subscriptions of any version', () => {
    expect(decodeSubscription(javaBytes('subscriptionV0'))).toEqual(subscription);
    expect(decodeSubscription(javaBytes('subscriptionV3'))).toEqual(subscription);
  });

  test('reads assignments, an absent one as none', () => {
    expect(decodeAssignment(javaBytes('assignmentV0'))).toEqual(assignment);
    expect(decodeAssignment(Buffer.alloc(0))).toEqual({ partitions: [], userData: none });
  });

  test('carries what the leader tells everybody with the assignment', () => {
    const told = { partitions, userData: Buffer.from('who has what') };

    expect(decodeAssignment(encodeAssignment(told))).toEqual(told);
  });
});
