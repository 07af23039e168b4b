package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * What repairs read may be anything: it is all within the page, and takes no more memory than there is on the device.
 */
class MetadataPageTest {
    private static final long ID = 1L << 32;
    private static final int MD_PAGES = 1000;
    private static final int DESCRIPTORS_AT = 16;
    private static final int NEXT_AT = 4088;

    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** A page that is filled bit by bit. */
    private static final class Built {
        final MemorySegment memory = MemorySegment.ofArray(new byte[MetadataPage.SIZE_BYTES]);
        private int at = DESCRIPTORS_AT;

        Built(int sequence, int next) {
            memory.set(LONG, 0, ID);
            memory.set(INT, 8, sequence);
            memory.set(INT, NEXT_AT, next);
        }

        Built flags(long invalid) {
            head(3, 24);
            memory.set(LONG, at, invalid);
            at += 24;
            return this;
        }

        Built bytes(int type, byte... body) {
            head(type, body.length);
            MemorySegment.copy(body, 0, memory, ValueLayout.JAVA_BYTE, at, body.length);
            at += body.length;
            return this;
        }

        /** Runs: a page and a count. */
        Built table(long clusters, int... runs) {
            head(5, 8 + 4 * runs.length);
            memory.set(LONG, at, clusters);
            MemorySegment.copy(runs, 0, memory, INT, at + 8, runs.length);
            at += 8 + 4 * runs.length;
            return this;
        }

        private void head(int type, int length) {
            memory.set(ValueLayout.JAVA_BYTE, at, (byte) type);
            memory.set(INT, at + 1, length);
            at += 5;
        }

        MetadataPage sealed() {
            MetadataPage page = new MetadataPage(memory);
            page.seal();
            return page;
        }
    }

    private static BlobPages read(MetadataPage... pages) {
        BlobPages blob = new BlobPages(ID, MD_PAGES);
        for (MetadataPage page : pages) {
            blob.take(page);
        }
        return blob;
    }

    @Test
    void aTableIsCutWhereverItsEntriesLie() {
        for (int clusters : new int[] {0, 1, 512, 513, 1024, 3000, 5000}) {
            Built first = new Built(0, 7).flags(1).bytes(2, (byte) 1).table(6000, 3, 1, 0, 2, 4, 1);
            Built second = new Built(1, -1).table(6000, 0, 5, 5, 1, 6, 1, 0, 1).bytes(9, (byte) 2, (byte) 3);
            BlobPages whole = read(first.sealed(), second.sealed());
            assertThat(whole.isWhole()).isTrue();
            for (int i = 0; i < 2; i++) {
                MetadataPage page = new MetadataPage((i == 0 ? first : second).memory);
                page.cutTable(clusters, whole.chain().get(i).entriesBefore());
                page.seal();
            }
            BlobPages cut = read(new MetadataPage(first.memory), new MetadataPage(second.memory));
            assertThat(cut.isWhole()).isTrue();
            assertThat(cut.leastClusters()).isEqualTo(clusters).isEqualTo(cut.mostClusters());
            long entries = MetadataPage.entriesFor(clusters);
            List<BlobPages.Extents> left = new ArrayList<>(whole.extents());
            left.removeIf(extents -> extents.entry() >= entries);
            assertThat(cut.extents()).isEqualTo(left);
        }
    }

    @Test
    void whatStandsBehindATableStays() {
        Built page = new Built(0, -1).table(1024, 3, 1, 4, 1).bytes(9, (byte) 2, (byte) 3);
        page.sealed().cutTable(600, 0);
        Built same = new Built(0, -1).table(600, 3, 1, 4, 1).bytes(9, (byte) 2, (byte) 3);
        page.sealed();
        same.sealed();
        assertThat(page.memory.mismatch(same.memory)).isEqualTo(-1);
        page.sealed().cutTable(500, 0);
        page.sealed();
        Built shorter = new Built(0, -1).table(500, 3, 1).bytes(9, (byte) 2, (byte) 3);
        shorter.sealed();
        assertThat(page.memory.mismatch(shorter.memory)).isEqualTo(-1);
    }

    @Test
    void whatCannotBeIsDamaged() {
        assertThat(read(new Built(0, -1).flags(1).table(600, 3, 1, 4, 1).sealed()).isWhole()).isTrue();
        assertThat(read(new Built(0, -1).flags(1).sealed()).isWhole()).as("no table").isFalse();
        assertThat(read(new Built(1, -1).table(600, 3, 1, 4, 1).sealed()).isWhole()).as("not the first").isFalse();
        assertThat(read(new Built(0, 5).table(600, 3, 1, 4, 1).sealed(), new Built(0, -1).sealed()).isWhole())
                .as("a second first page")
                .isFalse();
        assertThat(read(new Built(0, MD_PAGES).table(600, 3, 1, 4, 1).sealed()).isWhole())
                .as("a next page behind the last")
                .isFalse();
        assertThat(read(new Built(0, -1).table(600, 3, 1).sealed()).isWhole()).as("too few entries").isFalse();
        assertThat(read(new Built(0, -1).table(600, 3, 1, 4, 1, 5, 1).sealed()).isWhole())
                .as("too many entries")
                .isFalse();
        assertThat(read(new Built(0, -1).table(600, 3, 2).sealed()).isWhole()).as("a page twice").isFalse();
        assertThat(read(new Built(0, -1).table(600, 3, 1, MD_PAGES, 1).sealed()).isWhole())
                .as("no metadata page")
                .isFalse();
        assertThat(read(new Built(0, -1).table(-1, 0, -1).sealed()).isWhole()).as("2^64 clusters").isFalse();
        assertThat(read(new Built(0, -1).table(0xffff_ffffL, 0, -1).sealed()).isWhole())
                .as("a run of 2^32 entries")
                .isFalse();
        assertThat(read(new Built(0, -1).table(-1, 0, 2).table(600, 3, 1, 4, 1).sealed()).isWhole())
                .as("2^64 clusters in one part of the table")
                .isFalse();
        assertThat(read(new Built(0, -1).table(600, 3, 1, MD_PAGES, 1, 4, 1).sealed()).isWhole())
                .as("no metadata page among those that are")
                .isFalse();
        Built unsealed = new Built(0, -1).table(600, 3, 1, 4, 1);
        assertThat(read(new MetadataPage(unsealed.memory)).isWhole()).as("a wrong checksum").isFalse();
    }

    @Test
    void anyBytesAreReadWithinThePage() {
        long seed = System.nanoTime();
        Random random = new Random(seed);
        int whole = 0;
        for (int i = 0; i < 20_000; i++) {
            Built built = new Built(0, -1).flags(1).bytes(4, (byte) 4, (byte) 0, (byte) 8, (byte) 0);
            built.table(1200, 3, 1, 0, 1, 4, 1);
            for (int mutations = random.nextInt(4); mutations > 0; mutations--) {
                int at = DESCRIPTORS_AT + random.nextInt(random.nextInt(10) == 0 ? NEXT_AT - DESCRIPTORS_AT : 90);
                built.memory.set(ValueLayout.JAVA_BYTE, at, (byte) random.nextInt(-2, 9));
            }
            MetadataPage page = built.sealed();
            BlobPages blob = read(page);
            if (page.isExtentPage()) {
                for (int entry = 0; entry < page.clusterCount(); entry++) {
                    var _ = page.cluster(entry);
                }
            } else if (blob.isWhole()) {
                whole++;
                page.cutTable(random.nextLong(blob.leastClusters() + 1), 0);
                page.seal();
                assertThat(read(page).isWhole()).as("seed %d", seed).isTrue();
            }
        }
        assertThat(whole).isBetween(1000, 19_000);
    }
}
