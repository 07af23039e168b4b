package io.spdkio.cli.dd;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.RepetitionInfo;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.zip.CRC32C;

class Crc32cSumTest {
    @RepeatedTest(20)
    void piecesInAnyOrderSumUpToTheWhole(RepetitionInfo repetition) {
        Random random = new Random(repetition.getCurrentRepetition());
        byte[] data = new byte[random.nextInt(100_000)];
        random.nextBytes(data);
        int size = 1 + random.nextInt(10_000);
        List<Integer> pieces = new ArrayList<>();
        for (int i = 0; i * size < data.length; i++) {
            pieces.add(i);
        }
        Collections.shuffle(pieces, random);

        Crc32cSum sum = new Crc32cSum();
        for (int piece : pieces) {
            sum.add(piece, ByteBuffer.wrap(data, piece * size, Math.min(size, data.length - piece * size)));
        }

        CRC32C whole = new CRC32C();
        whole.update(data);
        assertThat(sum.value()).isEqualTo((int) whole.getValue());
        assertThat(sum.length()).isEqualTo(data.length);
    }
}
