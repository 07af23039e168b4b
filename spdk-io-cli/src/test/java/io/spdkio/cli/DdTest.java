package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

class DdTest {
    private static final int MIB = 1 << 20;

    @TempDir private Path folder;
    private Path input;
    private Path output;

    @BeforeEach
    void names() {
        input = folder.resolve("input");
        output = folder.resolve("output");
    }

    private byte[] random(int size) throws IOException {
        byte[] bytes = new byte[size];
        new Random(size).nextBytes(bytes);
        Files.write(input, bytes);
        return bytes;
    }

    private Ran dd(String from, String to, String... more) {
        String[] args = {"dd", "--if", from, "--of", to};
        String[] all = Arrays.copyOf(args, args.length + more.length);
        System.arraycopy(more, 0, all, args.length, more.length);
        return Ran.with(all);
    }

    private String disk(Path file) {
        return "file:" + file;
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 511, 512, 513, 65_536, 1_000_003})
    void filesOfAnyLengthAreCopiedWhole(int size) throws IOException {
        byte[] bytes = random(size);

        dd(input.toString(), output.toString(), "--bs", "64k", "--verify").succeeded();

        assertThat(output).hasBinaryContent(bytes);
    }

    @Test
    void aFileGoesToADeviceAndBack() throws IOException {
        byte[] bytes = random(MIB + 700);
        Path disk = folder.resolve("disk");
        dd(input.toString(), disk(disk) + "?size=4MiB&create=true", "--verify", "--bs", "128k").succeeded();

        assertThat(Files.size(disk)).isEqualTo(4 * MIB);
        dd(disk(disk), output.toString(), "--bs", "512", "--count", Integer.toString(MIB / 512 + 2), "--qd", "32")
                .succeeded();
        assertThat(Arrays.copyOf(Files.readAllBytes(output), bytes.length)).isEqualTo(bytes);
        assertThat(Files.size(output)).isEqualTo(MIB + 1024);
    }

    @Test
    void theRestOfTheLastBlockOfADeviceStays() throws IOException {
        Path disk = folder.resolve("disk");
        byte[] before = new byte[MIB];
        Arrays.fill(before, (byte) 7);
        Files.write(disk, before);
        byte[] bytes = random(1000);

        dd(input.toString(), disk(disk), "--bs", "4k", "--seek", "1", "--verify").succeeded();

        byte[] after = Files.readAllBytes(disk);
        System.arraycopy(bytes, 0, before, 4096, 1000);
        assertThat(after).isEqualTo(before);
    }

    @Test
    void skipSeekAndCountAreInBlocks() throws IOException {
        byte[] bytes = random(10_000);
        Files.write(output, new byte[20_000]);

        Ran ran =
                dd(input.toString(), output.toString(), "--bs", "1000", "--skip", "2", "--seek", "5", "--count", "3")
                        .succeeded();

        assertThat(ran.out()).startsWith("3,000 bytes");
        byte[] expected = new byte[20_000];
        System.arraycopy(bytes, 2000, expected, 5000, 3000);
        assertThat(output).hasBinaryContent(expected);
    }

    @Test
    void verifyPrintsBothSums() throws IOException {
        random(100_000);
        java.util.zip.CRC32C crc = new java.util.zip.CRC32C();
        crc.update(Files.readAllBytes(input));
        String sum = "%08x".formatted(crc.getValue());

        Ran ran = dd(input.toString(), "malloc:1MiB", "--bs", "4k", "--verify").succeeded();

        assertThat(ran.out()).contains("input   " + sum, "output  " + sum);
    }

    @Test
    void verifyFindsADeviceThatLies() throws IOException {
        random(MIB);

        Ran ran =
                dd(input.toString(), "error,op=write,mode=corrupt,count=1:malloc:1MiB", "--verify")
                        .endedWith(1, "differs");

        assertThat(ran.out()).contains("CRC-32C");
    }

    @Test
    void aWriteThatFailsEndsTheCopy() throws IOException {
        random(MIB);
        dd(input.toString(), "error,op=write,count=1:malloc:1MiB", "--bs", "64k").endedWith(1, "write");
        dd("error,op=read,count=1:malloc:1MiB", output.toString(), "--bs", "64k").endedWith(1, "read");
    }

    @Test
    void streamsAreReadToTheirEndOrCount() throws IOException {
        assumeThat(Path.of("/dev/zero")).as("a system with /dev/zero").exists();

        dd("/dev/zero", output.toString(), "--count", "3", "--bs", "1000").succeeded();
        assertThat(output).hasBinaryContent(new byte[3000]);
        dd("/dev/null", output.toString()).succeeded();
        dd(output.toString(), "/dev/null").succeeded();
        dd("/dev/zero", output.toString(), "--skip", "1", "--count", "1").endedWith(2, "--skip", "stream");
    }

    @Test
    void whatDoesNotFitIsRefusedBeforeAnythingIsWritten() throws IOException {
        random(2 * MIB);
        dd(input.toString(), "malloc:1MiB").endedWith(1, "room for 1,048,576 bytes", "--count 1");
        dd(input.toString(), output.toString(), "--skip", "3").endedWith(1, "skip less");
        assertThat(output).doesNotExist();
    }

    @Test
    void wrongPathsAreOneLine() throws IOException {
        dd(input.toString(), output.toString()).endedWith(1, "no such file", "input");
        assertThat(output).doesNotExist();
        dd(folder.toString(), output.toString()).endedWith(1, "directory");
        random(10);
        dd(input.toString(), folder.toString()).endedWith(1, "directory");
        dd(input.toString(), folder.resolve("no/such/file").toString()).endedWith(1, "no such file");
        dd(input.toString(), input.toString()).endedWith(2, "same file");
    }

    @Test
    void missingPermissionIsOneLine() throws IOException {
        assumeThat(System.getProperty("user.name")).as("permissions do not hold for root").isNotEqualTo("root");
        random(10);
        assertThat(input.toFile().setReadable(false)).isTrue();
        dd(input.toString(), output.toString()).endedWith(1, "permission");
    }
}
