package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** What is wrong is one line that says what to do, and the exit code tells wrong use (2) from failure (1). */
class WrongUseTest {
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "''                                              | perf, dd, bdev, blob, native, doctor",
                "nonsense                                        | there is no command 'nonsense'",
                "--nonsense                                      | --nonsense",
                "perf                                            | --bdev",
                "perf --bdev null:1GiB --nonsense                | --nonsense",
                "perf --bdev null:1GiB --rw sideways             | randread",
                "perf --bdev null:1GiB --api telepathy           | futures",
                "perf --bdev null:1GiB --engine steam            | embedded",
                "perf --bdev null:1GiB --memory 4q               | 4k",
                "perf --bdev null:1GiB --memory 4k               | 1MiB",
                "perf --bdev null:1GiB --no-huge --pci           | exclude each other",
                "perf --bdev null:1GiB --core-mask fast          | fast",
                "perf --bdev null:1GiB --core-mask [1000]        | 1000",
                "perf --bdev null:1GiB --main-core -1            | core -1",
                "bdev info --core-mask [0] --main-core 1 null:1G | --main-core 1",
                "perf --bdev null:1GiB --io-size 4q              | 4k",
                "perf --bdev null:1GiB --io-size 1000            | multiple of 512",
                "perf --bdev null:1GiB --io-size 0               | multiple of 512",
                "perf --bdev null:1GiB --queue-depth 0           | 1 to 65536",
                "perf --bdev null:1GiB --queue-depth many        | many",
                "perf --bdev null:1GiB --time 0                  | more than 0",
                "perf --bdev null:1GiB --time -1                 | more than 0",
                "perf --bdev null:1GiB --threads 0               | 1 to 1024",
                "perf --bdev null:1GiB --rw randrw --mix 101     | 0 to 100",
                "perf --bdev null:1GiB --rw read --mix 50        | leave it out",
                "perf --bdev null:1GiB --bdev null:1GiB          | --threads 2",
                "perf --bdev floppy:1GiB                         | malloc",
                "perf --bdev null                                | kind:size",
                "perf --bdev null:                               | null:64MiB",
                "perf --bdev null:1GiB?colour=red                | blockSize",
                "perf --bdev null:1GiB?blockSize=256             | 512",
                "perf --bdev malloc:1000                         | multiple of the block size",
                "perf --bdev null:1GiB --io-size 512             | --io-size 4096",
                "perf --bdev malloc:4KiB --io-size 8k            | larger",
                "perf --bdev malloc:4KiB --rw read --threads 2   | larger",
                "dd --if a                                       | --of",
                "dd --if malloc:1MiB --of malloc:1MiB --bs 1000  | --bs 4096",
                "dd --if malloc:1MiB --of malloc:1MiB --qd 0     | 1 to 1024",
                "dd --if malloc:1MiB --of malloc:1MiB --count -1 | 0 or more",
                "bdev                                            | list or info",
                "bdev info                                       | SPEC",
                "bdev info nonsense                              | kind:size",
                "blob                                            | init, load, ls",
                "blob ls                                         | --bdev",
                "blob ls --bdev floppy:1MiB                      | malloc",
                "blob ls --bdev malloc:1MiB nonsense             | unexpected argument 'nonsense'",
                "blob ls --bdev malloc:1MiB bdev                 | unexpected argument 'bdev'",
                "blob ls --bdev malloc:1MiB a b                  | unexpected arguments 'a', 'b'",
                "blob ls --bdev malloc:1MiB --nonsense           | unknown option '--nonsense'",
                "blob frobnicate                                 | there is no command 'frobnicate'",
                "blob ls --bdev malloc:1MiB --engine steam       | embedded",
                "blob ls --bdev malloc:1MiB --memory 4k          | 1MiB",
                "blob xattr ls --bdev null:1M --no-huge --pci x  | exclude each other",
                "blob init --bdev malloc:64MiB --cluster-size 5k | multiple of 4096",
                "blob init --bdev malloc:64MiB --type much_longer_than_16 | 16 characters",
                "blob init --bdev malloc:64MiB --metadata-pages -1 | not negative",
                "blob init --bdev malloc:64MiB --clear-method x  | write-zeroes",
                "blob create --bdev malloc:1MiB                  | --size or --clusters",
                "blob create --bdev malloc:1MiB --size 1M --clusters 1 | one of them",
                "blob create --bdev malloc:1MiB --clusters -1    | 2^32 - 1",
                "blob create --bdev malloc:1MiB --size 1M --xattr x | KEY=VALUE",
                "blob resize --bdev malloc:1MiB disk             | --size or --clusters",
                "blob rm --bdev malloc:1MiB                      | BLOB",
                "blob read --bdev malloc:1MiB disk --qd 0        | 1 to 1024",
                "blob read --bdev malloc:1MiB disk --length 4q   | 4k",
                "blob import --bdev malloc:1MiB -                | --size",
                "blob export --bdev malloc:1MiB disk - --verify  | leave it out",
                "blob xattr                                      | get, set, rm or ls",
                "blob xattr set --bdev malloc:1MiB disk key      | VALUE or --stdin",
                "blob show --bdev malloc:1MiB --html /           | directory",
                "doctor nonsense                                 | nonsense",
                "completion nonsense                             | nonsense",
            })
    void isExitCode2(String line, String advice) {
        Ran.with(line.isEmpty() ? new String[0] : line.split(" ")).endedWith(2, advice);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "perf --bdev",
                "bdev info",
                "bdev list",
                "blob ls --bdev",
                "blob check --bdev",
                "blob init --bdev"
            })
    void aMissingFileIsExitCode1(String command, @TempDir Path folder) {
        List<String> args = new ArrayList<>(List.of(command.split(" ")));
        args.add("file:" + folder.resolve("absent"));
        Ran.with(args.toArray(String[]::new)).endedWith(1, "absent");
    }

    @Test
    void aDeviceThatCanOnlyBeReadIsNotWritten(@TempDir Path folder) throws IOException {
        Path file = Files.write(folder.resolve("disk"), new byte[8192]);
        Ran.with("perf", "--bdev", "file:" + file + "?readOnly=true", "--rw", "write")
                .endedWith(2, "can only be read", "randread");
    }

    @Test
    void aFileWithoutPermissionIsExitCode1(@TempDir Path folder) throws IOException {
        assumeThat(System.getProperty("user.name")).as("permissions do not hold for root").isNotEqualTo("root");
        Path file = Files.write(folder.resolve("disk"), new byte[8192]);
        assertThat(file.toFile().setReadable(false)).isTrue();
        Ran.with("perf", "--bdev", "file:" + file).endedWith(1, "permission");
    }

    @Test
    void aResultThatCannotBeWrittenIsToldBeforeTheRun(@TempDir Path folder) {
        Ran.with("perf", "--bdev", "null:1GiB", "--json", folder.resolve("no/such/folder.json").toString())
                .endedWith(1, "--json", "make it first");
        Ran.with("perf", "--bdev", "null:1GiB", "--html", folder.toString()).endedWith(2, "--html", "directory");
    }

    @Test
    void anEngineThatIsNamedIsThatOneOrAnError() {
        // This JVM's cache is empty, so there is no SPDK for it.
        Ran.with("perf", "--bdev", "null:1GiB", "--engine", "native").endedWith(1, "native", "spdk-io native link");
    }

    @Test
    void debugShowsTheStackTrace() {
        Ran ran = Ran.with("--debug", "perf", "--bdev", "floppy:1GiB");

        assertThat(ran.code()).isEqualTo(2);
        assertThat(ran.err()).contains("\tat ").contains("IllegalArgumentException");
    }
}
