package io.spdkio.sys;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import java.io.File;
import java.io.RandomAccessFile;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Loading a real SPDK, each time in a JVM of its own. */
@RequiresSpdk
class SpdkLibraryTest {
    @TempDir private Path folder;

    @Test
    void everySizeOffsetAndConstantIsTheCompilers() throws Exception {
        Child child = Child.run(Show.class).succeeded();
        // Written for this version; others may differ in what nobody uses, and say so.
        if (child.output().contains("SPDK v26.01")) {
            assertThat(child.output()).contains("sizes, offsets and constants, all equal");
        }
        assertThat(child.output()).contains("the cache, where it was linked to");
    }

    @Test
    void linkingAgainFindsTheSameInTheCache() {
        NativeLinker.Result again =
                NativeLinker.link(SpdkInstallation.find(), NativeLinker.Mode.AUTO, Optional.empty());
        assertThat(again.wasThere()).isTrue();
        assertThat(again.library()).isEqualTo(RequiresSpdk.Link.library());
    }

    @Test
    void thePropertyComesBeforeTheVariableAndBothBeforeTheCache() throws Exception {
        Path first = Files.copy(RequiresSpdk.Link.library(), folder.resolve("first.so"));
        Path second = Files.copy(RequiresSpdk.Link.library(), folder.resolve("second.so"));
        Map<String, String> variable = Map.of("SPDKIO_NATIVE_LIBRARY", second.toString());
        assertThat(Child.run(Show.class, List.of(), variable).succeeded().output())
                .contains(second + " by the environment variable SPDKIO_NATIVE_LIBRARY");
        assertThat(Child.run(Show.class, List.of("-Dspdkio.native.library=" + first), variable).succeeded().output())
                .contains(first + " by the property spdkio.native.library");
    }

    @Test
    void theLibraryPathComesAfterTheCache() throws Exception {
        Path library = Files.copy(RequiresSpdk.Link.library(), folder.resolve(NativeLinker.FILE_NAME));
        String path = "-Djava.library.path=" + folder;
        assertThat(Child.run(Show.class, List.of(path), Map.of()).succeeded().output()).contains("by the cache");
        List<String> noCache = List.of(path, "-Dspdkio.native.cache=" + folder.resolve("none"));
        assertThat(Child.run(Show.class, noCache, Map.of()).succeeded().output())
                .contains(library + " by java.library.path");
    }

    @Test
    void aJarWithTheLibraryInsideNeedsNothingElse() throws Exception {
        Path jar = folder.resolve("spdk-io-sys-" + NativeJar.platform() + ".jar");
        NativeJar.write(RequiresSpdk.Link.library(), jar);
        List<String> options =
                List.of(
                        "-Dspdkio.native.cache=" + folder.resolve("unpacked"),
                        "-cp",
                        System.getProperty("java.class.path") + File.pathSeparator + jar);
        for (int i = 0; i < 2; i++) { // the second finds it unpacked
            assertThat(Child.run(Show.class, options, Map.of("PATH", "")).succeeded().output())
                    .contains("by the jar spdk-io-sys-" + NativeJar.platform());
        }
    }

    @Test
    void whatCannotBeLoadedIsExplained() throws Exception {
        Path garbage = Files.writeString(folder.resolve("garbage.so"), "no library");
        assertThat(Child.run(Show.class, List.of("-Dspdkio.native.library=" + garbage), Map.of()).failed().output())
                .contains("cannot load " + garbage);
        Path missing = folder.resolve("missing.so");
        assertThat(Child.run(Show.class, List.of("-Dspdkio.native.library=" + missing), Map.of()).failed().output())
                .contains("is not there; make it: spdk-io native link --output " + missing);
        Path other = Path.of("/lib/x86_64-linux-gnu/libc.so.6");
        if (Files.exists(other)) {
            assertThat(Child.run(Show.class, List.of("-Dspdkio.native.library=" + other), Map.of()).failed().output())
                    .contains("is no library that spdk-io linked");
        }
    }

    @Test
    void theJvmKeepsItsSignalHandlers() throws Exception {
        Child child = Child.run(Signals.class, folder.toString()).succeeded();
        assertThat(child.output())
                .contains(
                        "restored [SIGBUS]", "all handlers as before", "null pointer caught", "SIGBUS caught", "done");
    }

    @Test
    void aChainedSigbusStillReachesTheJvm() throws Exception {
        Child child = Child.run(Signals.class, folder.toString(), "chain").succeeded();
        assertThat(child.output()).contains("null pointer caught", "SIGBUS caught", "done");
    }

    @Test
    void aDifferentStructIsRefusedByName() throws Exception {
        Child child = Child.run(Mismatch.class).succeeded();
        assertThat(child.output())
                .contains(
                        "struct spdk_bdev_opts of the linked SPDK (SPDK v99.01) is not that of these bindings: offset"
                                + " of bdev_io_cache_size is 4, and 5 in the bindings; link again");
    }

    static final class Show {
        private Show() {}

        public static void main(String[] args) {
            try {
                SpdkLibrary library = SpdkLibrary.load();
                System.out.println(library.spdkVersion() + ", " + library.dpdkVersion());
                System.out.println(library.path() + " by " + library.reason());
                System.out.println(library.abi().summary());
                System.out.println(library.abi().structs() + " " + library.abi().constants());
            } catch (NativeException e) {
                System.out.println(e.getMessage());
                System.exit(1);
            }
        }
    }

    static final class Signals {
        private Signals() {}

        public static void main(String[] args) throws Exception {
            MemorySegment[] before = Dl.signalActions(Arena.global());
            SpdkLibrary library = SpdkLibrary.load();
            System.out.println("restored " + library.restoredSignals());
            MemorySegment[] after = Dl.signalActions(Arena.global());
            // Those that HotSpot and Ctrl-C need; Java's libraries take others as they come, such as 62 for channels.
            for (int signal : new int[] {1, 2, 3, 4, 5, 7, 8, 10, 11, 12, 13, 15, 25}) {
                if (before[signal] != null && !Dl.sameAction(before[signal], after[signal])) {
                    throw new AssertionError("the handler of signal " + signal + " has changed");
                }
            }
            System.out.println("all handlers as before");
            if (args.length > 1) {
                library.chainSigbus();
                library.chainSigbus();
            }
            // Compiled code finds null pointers with SIGSEGV.
            int caught = 0;
            for (int i = 0; i < 50_000; i++) {
                try {
                    lengthOf(i % 1000 == 999 ? null : args);
                } catch (NullPointerException e) {
                    caught++;
                }
            }
            System.out.println((caught == 50 ? "null pointer caught " : "lost null pointers ") + caught);
            Path file = Path.of(args[0], "mapped-" + args.length);
            try (RandomAccessFile random = new RandomAccessFile(file.toFile(), "rw")) {
                random.setLength(8192);
                MappedByteBuffer mapped = random.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 8192);
                random.setLength(0);
                try {
                    System.out.println("read " + mapped.get(5000));
                } catch (InternalError e) {
                    System.out.println("SIGBUS caught: " + e.getMessage());
                }
            }
            System.out.println("done");
        }

        private static int lengthOf(String[] array) {
            return array.length;
        }
    }

    static final class Mismatch {
        private Mismatch() {}

        public static void main(String[] args) throws Exception {
            // Ours read from C's table, with one line of ours changed.
            List<String> changed =
                    AbiReport.expected().stream()
                            .map(line -> line.equals("f bdev_io_cache_size 4 4") ? "f bdev_io_cache_size 5 4" : line)
                            .toList();
            SpdkLibrary library = SpdkLibrary.load();
            AbiReport report = library.compareAbi(changed);
            try {
                report.checkEssential("SPDK v99.01");
                throw new AssertionError("not noticed");
            } catch (NativeException e) {
                System.out.println(e.getMessage());
            }
        }
    }
}
