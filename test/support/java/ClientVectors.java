// Prints what the Java client says, for the JSON files that tests compare with. By hand, with the jars of
// `rollguard stack up` (the folder `kafka` in the cache):
//   java -Dfile.encoding=UTF-8 -cp '<jars>/*' test/support/java/ClientVectors.java murmur2 > test/kernel/murmur2-vectors.json
//   java -Dfile.encoding=UTF-8 -cp '<jars>/*' test/support/java/ClientVectors.java errors > test/streams/kafka/java-client-errors.json
//   npx prettier --write test/kernel/murmur2-vectors.json test/streams/kafka/java-client-errors.json
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import org.apache.kafka.clients.producer.internals.BuiltInPartitioner;
import org.apache.kafka.common.errors.RetriableException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.utils.Utils;

class ClientVectors {
  static final int[] PARTITION_COUNTS = {1, 2, 3, 4, 5, 7, 12, 16, 50, 100, 1000};

  public static void main(String[] args) {
    System.out.println(args[0].equals("errors") ? errors() : murmur2());
  }

  static String murmur2() {
    List<byte[]> keys = new ArrayList<>();
    String digits = "abcdefghi";
    for (int length = 0; length <= digits.length(); length++) keys.add(utf8(digits.substring(0, length)));
    for (String text : List.of(
        "tenant-1|deluxe", "tenant-9|üñï", "0000000000000000", "é", "ß", "€", "日本語", "Ωmega|客室", "🛎", "👩‍🚀|🏨",
        "11111111-1111-4111-8111-111111111111|22222222-2222-4222-8222-222222222222")) keys.add(utf8(text));
    // Bytes that are no text: all bits, none, and those that a signed byte would turn negative.
    for (int length = 1; length <= 9; length++) {
      for (int value : new int[] {0x00, 0x7f, 0x80, 0xff}) {
        byte[] same = new byte[length];
        Arrays.fill(same, (byte) value);
        keys.add(same);
      }
    }
    Random random = new Random(42);
    for (int length = 1; length <= 40; length++) keys.add(bytes(random, length));
    for (int length : new int[] {63, 64, 65, 100, 255, 256, 1000, 1023, 4096}) keys.add(bytes(random, length));
    return keys.stream().map(ClientVectors::vector).collect(Collectors.joining(",\n", "[\n", "\n]"));
  }

  static String vector(byte[] key) {
    String partitions = Arrays.stream(PARTITION_COUNTS)
        .mapToObj(count -> "\"" + count + "\": " + BuiltInPartitioner.partitionForKey(key, count))
        .collect(Collectors.joining(", "));
    return "{ \"keyHex\": \"" + HexFormat.of().formatHex(key) + "\", \"murmur2\": " + Utils.murmur2(key)
        + ", \"partitions\": { " + partitions + " } }";
  }

  static String errors() {
    return Arrays.stream(Errors.values())
        .map(error -> "\"" + error.code() + "\": { \"name\": \"" + error.name() + "\", \"retriable\": "
            + (error.exception() instanceof RetriableException) + " }")
        .collect(Collectors.joining(",\n", "{\n", "\n}"));
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  static byte[] bytes(Random random, int length) {
    byte[] key = new byte[length];
    random.nextBytes(key);
    return key;
  }
}
