/** An admin part that asks another one, but for what is changed. */
import type { KafkaAdmin } from './port.ts';

export function forwardedAdmin(admin: KafkaAdmin, changes: Partial<KafkaAdmin>): KafkaAdmin {
  return {
    describeTopics: (names) => admin.describeTopics(names),
    createTopics: (topics) => admin.createTopics(topics),
    topicConfigs: (names, which) => admin.topicConfigs(names, which),
    listOffsets: (partitions, which) => admin.listOffsets(partitions, which),
    deleteTopics: (names) => admin.deleteTopics(names),
    groupMembers: (groupId) => admin.groupMembers(groupId),
    ...changes,
  };
}
