package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32C;

/** Stores that are damaged, or were not unloaded. */
class BlobDamageTest {
    private static final int PAGE = 4096;
    private static final int CRC_AT = 4092;
    private static final int CLEAN_AT = 16;
    private static final int CLUSTER_MASK = 2 * PAGE;
    private static final int MASK_BITS_AT = 5;

    /** The first of 32 metadata pages, behind the super block and three maps. */
    private static final int METADATA = 4 * PAGE;

    private static final int EXTENTS_AT = 16 + 5 + 4;

    @TempDir private Path folder;
    private Path image;
    private ByteBuffer bytes;

    /** Two blobs of two clusters: pages 0 and 2 are their first ones, 1 and 3 their extent pages. */
    @BeforeEach
    void makeAStore() throws IOException {
        image = folder.resolve("store.img");
        Ran.with("blob", "init", "--bdev", "file:" + image + "?size=32MiB&create=true").succeeded();
        Ran.with("blob", "create", "--bdev", "file:" + image, "--clusters", "2", "--name", "a").succeeded();
        Ran.with("blob", "create", "--bdev", "file:" + image, "--clusters", "2", "--name", "b").succeeded();
        blob("check").succeeded();
        bytes = ByteBuffer.wrap(Files.readAllBytes(image)).order(ByteOrder.LITTLE_ENDIAN);
    }

    private Ran blob(String command) {
        return Ran.inColumns(100, "blob", command, "--bdev", "file:" + image);
    }

    private void seal(int page) {
        CRC32C crc = new CRC32C();
        crc.update(bytes.slice(page, CRC_AT));
        bytes.putInt(page + CRC_AT, (int) crc.getValue());
    }

    private void write() throws IOException {
        Files.write(image, bytes.array());
    }

    @Test
    void aStoreThatWasNotUnloadedIsRecoveredByLoad() throws IOException {
        bytes.putInt(CLEAN_AT, 0);
        seal(0);
        // What the maps say does not count then.
        bytes.put(CLUSTER_MASK + MASK_BITS_AT, (byte) 0);
        write();

        assertThat(blob("check").succeeded().out()).contains("nothing is wrong", "not unloaded");
        assertThat(blob("dump").succeeded().out()).contains("0 (not unloaded)", "does not count");
        assertThat(blob("load").succeeded().out()).contains("rebuilt", "27 clusters");
        assertThat(blob("load").succeeded().out()).contains("clean", "27 clusters").doesNotContain("rebuilt");
    }

    @Test
    void aWrongChecksumOfTheSuperBlockIsFoundAndTheRestIsShown() throws IOException {
        bytes.putInt(CLEAN_AT, 7);
        write();

        Ran check = blob("check").endedWith(1, "1 thing is wrong", "dump");
        assertThat(check.out()).contains("super block", "checksum");
        blob("load").endedWith(1, "super block", "checksum");
        blob("ls").endedWith(1, "checksum");
        assertThat(blob("dump").succeeded().out()).contains(" ! super block", "checksum", "page 3", "name = 'b'");
    }

    @Test
    void aSuperBlockThatIsNoneIsShownAsFarAsItGoes() throws IOException {
        bytes.put(0, new byte[PAGE]);
        write();

        blob("load").endedWith(1, "no blobstore");
        blob("check").endedWith(1, "no blobstore");
        assertThat(blob("dump").succeeded().out()).contains(" ! super block", "SPDKBLOB");
        bytes.putInt(28, 1);
        bytes.putInt(92, 77);
        write();
        assertThat(blob("dump").succeeded().out()).contains("can't be found");
    }

    @Test
    void aBlobWithADamagedPageIsListedAsThat() throws IOException {
        bytes.put(METADATA + 100, (byte) 1);
        write();

        Ran check = blob("check").endedWith(1, "wrong");
        assertThat(check.out()).contains("metadata page 0", "checksum");
        Ran ls = blob("ls");
        assertThat(ls.code()).isEqualTo(1);
        assertThat(ls.err()).contains("1 of 2 blobs can't be opened", "check");
        assertThat(ls.out()).contains("damaged", "0x100000002");
        assertThat(blob("dump").succeeded().out())
                .containsPattern("! +page 0 .*checksum is wrong")
                .containsPattern("! +checksum +[0-9a-f]{8} instead of");
        Ran.with("blob", "show", "--bdev", "file:" + image, "0x100000000").endedWith(1, "0x100000000");
        Ran.with("blob", "show", "--bdev", "file:" + image, "b").succeeded();
    }

    @Test
    void aClusterThatTwoBlobsHaveIsFound() throws IOException {
        // The second blob's first cluster becomes the first blob's.
        bytes.putInt(METADATA + 3 * PAGE + EXTENTS_AT, bytes.getInt(METADATA + PAGE + EXTENTS_AT));
        seal(METADATA + 3 * PAGE);
        write();

        Ran check = blob("check").endedWith(1, "2 things are wrong");
        assertThat(check.out()).contains("cluster 1 belongs to another blob", "leak");
    }

    @Test
    void aLeakIsFound() throws IOException {
        int at = CLUSTER_MASK + MASK_BITS_AT + 1;
        bytes.put(at, (byte) (bytes.get(at) | 2));
        write();

        Ran check = blob("check").endedWith(1, "1 thing is wrong");
        assertThat(check.out()).contains("used clusters", "9", "leak");
        assertThat(blob("load").succeeded().out()).contains("26 clusters");
        assertThat(Ran.with("blob", "load", "--recover", "--bdev", "file:" + image).succeeded().out())
                .contains("27 clusters");
        blob("check").succeeded();
    }

    @Test
    void aBrokenChainIsFound() throws IOException {
        bytes.putInt(METADATA + 4088, 31);
        seal(METADATA);
        write();

        assertThat(blob("check").endedWith(1, "wrong").out()).contains("0x100000000", "metadata page 31");
        assertThat(blob("dump").succeeded().out()).containsPattern("next page +31");
        bytes.putInt(METADATA + 4088, 9999);
        seal(METADATA);
        write();
        assertThat(blob("dump").succeeded().out()).containsPattern("! +next page +9999 of 32");
    }

    @Test
    void descriptorsThatLieAreShownAsWrong() throws IOException {
        // The length of the first descriptor, then the lengths within the attribute behind the flags.
        bytes.putInt(METADATA + 17, 5000);
        bytes.putShort(METADATA + 2 * PAGE + 16 + 29 + 5, (short) 4000);
        seal(METADATA);
        seal(METADATA + 2 * PAGE);
        write();

        assertThat(blob("dump").succeeded().out())
                .contains("with 5000 bytes, more than are left")
                .containsPattern("! +descriptor +type 2 of \\d+ bytes is broken");
    }

    /** Whatever the blocks, it is looked at; it is loaded on those that it was made on. */
    @ParameterizedTest
    @ValueSource(ints = {1024, 4096, 8192, 65536})
    void aStoreOnOtherBlocksIsCheckedAndDumpedButNotLoaded(int blockSize) {
        String expected = blob("dump").succeeded().out();
        String device = "file:" + image + "?blockSize=" + blockSize;

        assertThat(Ran.inColumns(100, "blob", "check", "--bdev", device).succeeded().out())
                .contains("nothing is wrong");
        assertThat(Ran.inColumns(100, "blob", "dump", "--bdev", device).succeeded().out()).isEqualTo(expected);
        String why = blockSize <= PAGE ? "made on blocks of 512" : "blocks that divide 4,096";
        Ran.with("blob", "ls", "--bdev", device).endedWith(1, "has blocks of %,d bytes".formatted(blockSize), why);
        Ran.with("blob", "init", "--force", "--bdev", "malloc:64MiB?blockSize=8192")
                .endedWith(1, "has blocks of 8,192 bytes", "divide 4,096");
    }

    @Test
    void aStoreLargerThanItsDeviceIsRefused() throws IOException {
        Files.write(image, java.util.Arrays.copyOf(bytes.array(), 16 << 20));

        blob("load").endedWith(1, "33554432", "16,777,216");
        assertThat(blob("check").endedWith(1, "wrong").out()).contains("33554432");
        assertThat(blob("dump").succeeded().out()).contains(" ! super block", "name = 'a'");
    }
}
