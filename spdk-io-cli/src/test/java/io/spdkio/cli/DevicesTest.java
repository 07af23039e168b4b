package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

class DevicesTest {
    @ParameterizedTest
    @ValueSource(ints = {40, 80})
    void listShowsEveryLayer(int columns) {
        Ran ran = Ran.inColumns(columns, "bdev", "list", "malloc:64MiB", "passthru:null:1TiB").succeeded();

        assertThat(ran.out()).contains("Malloc0", "64 MiB", "Null0", "Passthru_Null0", "1 TiB");
        assertThat(ran.out().lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(columns));
    }

    @Test
    void equalSpecsGetDifferentNames() {
        assertThat(Ran.with("bdev", "list", "null:1GiB", "null:1GiB", "passthru:null:1GiB", "passthru:null:1GiB").out())
                .contains("Null0", "Null1", "Null2", "Null3", "Passthru_Null2", "Passthru_Null3");
    }

    @Test
    void infoShowsGeometryAndOperations() {
        Ran ran = Ran.with("bdev", "info", "malloc:64MiB?blockSize=512", "null:1GiB").succeeded();

        assertThat(ran.out())
                .contains("Malloc0", "67,108,864 bytes", "512 B", "131,072", "writeZeroes", "uuid", "Null0");
    }

    @Test
    void doctorDoesNotCallAnEngineFineWhoseLibraryCannotBeLoaded(@TempDir Path folder) throws IOException {
        Path library = Files.writeString(folder.resolve("libspdk_io.so"), "no library");
        String property = "spdkio.native.library";
        System.setProperty(property, library.toString());
        try {
            Ran ran = Ran.with("doctor").succeeded();
            assertThat(ran.out()).contains("cannot be loaded", library.toString());
            assertThat(ran.out()).containsPattern("(?m)^warn +native +can't run here");
            assertThat(ran.out()).doesNotContainPattern("(?m)^ok {4}native ");
        } finally {
            System.clearProperty(property);
        }
    }

    @Test
    void bdevInfoKeepsItsColumns() {
        assertThat(Ran.inColumns(100, "bdev", "info", "null:1GiB").succeeded().out().lines().skip(1))
                .hasSizeGreaterThan(10)
                .allSatisfy(line -> assertThat(line).matches("  .{15}  \\S.*"));
    }

    @Test
    void doctorLooksAtEverythingAndSaysWhatToDo() {
        Ran ran = Ran.with("doctor").succeeded();

        assertThat(ran.out()).contains("JDK", "JVM flags", "embedded", "machine", "SPDK");
        assertThat(ran.out().lines()).allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(100));
    }

    @Test
    void columnsAreReadFromTheEnvironment() {
        assertThat(Console.columns("40")).isEqualTo(40);
        assertThat(Console.columns(null)).isEqualTo(80);
        assertThat(Console.columns("wide")).isEqualTo(80);
        assertThat(Console.columns("0")).isEqualTo(80);
        assertThat(Console.columns("3")).isEqualTo(30);
    }
}
