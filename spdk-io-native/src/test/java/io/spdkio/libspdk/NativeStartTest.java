package io.spdkio.libspdk;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.CpuSet;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;
import io.spdkio.tck.process.ChildJvm;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** SPDK is started once a process, so each way to start it has a JVM of its own. */
@RequiresSpdk
@Timeout(120)
class NativeStartTest {
    private static final int HUGEPAGES_MIB = 700;

    @TempDir Path folder;

    /** Starts an environment as its arguments say, does I/O, and what the last one names. */
    static final class Program {
        private Program() {}

        public static void main(String[] arguments) throws Exception {
            SpdkEnv.Builder builder = SpdkEnv.builder().engine("native");
            for (String argument : arguments) {
                String[] setting = argument.split("=", 2);
                switch (setting[0]) {
                    case "noHuge" -> builder.noHuge(true);
                    case "noPci" -> builder.noPci(true);
                    case "memory" -> builder.memSizeMb(Integer.parseInt(setting[1]));
                    case "cores" -> builder.coreMask(setting[1]);
                    case "main" -> builder.mainCore(Integer.parseInt(setting[1]));
                    case "shm" -> builder.shmId(Integer.parseInt(setting[1]));
                    case "single" -> builder.hugepageSingleSegments(true);
                    default -> {}
                }
            }
            try (SpdkEnv env = builder.build()) {
                readsWhatItWrote(env, env.attachThread("main"));
                System.out.println("OUT read and written");
                switch (arguments[arguments.length - 1]) {
                    case "pinned" -> pinned(env);
                    case "faults" -> faults(Path.of(arguments[0].substring("folder=".length())));
                    case "wait" -> {
                        Runtime.getRuntime().addShutdownHook(new Thread(() -> System.out.println("OUT hook")));
                        System.out.println("OUT waiting");
                        Thread.sleep(60_000);
                    }
                    default -> {}
                }
            } catch (RuntimeException e) {
                System.out.println("OUT refused " + e.getMessage());
            }
        }

        private static void readsWhatItWrote(SpdkEnv env, SpdkThread thread) {
            String name = "m" + thread.id();
            try (BdevDesc desc = env.bdevs().create(MallocBdev.of(name, 1 << 20)).join().open(OpenMode.READ_WRITE)) {
                byte[] data = new byte[4096];
                Arrays.fill(data, (byte) 7);
                DmaBuf from = env.dma().allocate(4096).put(0, data);
                DmaBuf to = env.dma().allocate(4096);
                var channel = thread.ioChannel(desc);
                desc.write(channel, from, 8192, 4096).join();
                desc.read(channel, to, 8192, 4096).join();
                if (!Arrays.equals(to.get(0, 4096), data)) {
                    throw new AssertionError("read something else");
                }
                channel.close();
            }
        }

        /** On every core of the process a thread that stays there. */
        private static void pinned(SpdkEnv env) {
            for (int core : cores()) {
                String status =
                        env.spawnThread(
                                        "on" + core,
                                        CpuSet.of(core),
                                        thread -> {
                                            readsWhatItWrote(env, thread);
                                            return allowed("/proc/thread-self/status");
                                        })
                                .join();
                System.out.println("OUT core " + core + " ran on " + status);
            }
        }

        private static void faults(Path folder) throws IOException {
            int caught = 0;
            for (int i = 0; i < 50_000; i++) {
                try {
                    lengthOf(i % 1000 == 999 ? null : "x");
                } catch (NullPointerException e) {
                    caught++;
                }
            }
            System.out.println("OUT null pointers " + caught);
            try (RandomAccessFile random = new RandomAccessFile(folder.resolve("mapped").toFile(), "rw")) {
                random.setLength(8192);
                MappedByteBuffer mapped = random.getChannel().map(FileChannel.MapMode.READ_WRITE, 0, 8192);
                random.setLength(0);
                try {
                    System.out.println("OUT read " + mapped.get(5000));
                } catch (InternalError e) {
                    System.out.println("OUT SIGBUS caught");
                }
            }
        }

        private static int lengthOf(String text) {
            return text.length();
        }
    }

    private static String allowed(String status) {
        try {
            Matcher list = Pattern.compile("Cpus_allowed_list:\\s*(\\S+)").matcher(Files.readString(Path.of(status)));
            return list.find() ? list.group(1) : "";
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Integer> cores() {
        return Arrays.stream(allowed("/proc/self/status").split(","))
                .map(range -> Integer.parseInt(range.split("-")[0]))
                .toList();
    }

    private static List<String> run(String... arguments) throws Exception {
        try (ChildJvm child = ChildJvm.start(Program.class, arguments)) {
            List<String> output = child.allOutput();
            assertThat(child.exitCode()).as("%s", output).isZero();
            return output.stream().filter(line -> line.startsWith("OUT ")).map(line -> line.substring(4)).toList();
        }
    }

    /** On hugepages, where there are as many as SPDK's pools take and this user may use them. */
    @ParameterizedTest
    @ValueSource(strings = {"noPci", "single", "shm=4711"})
    void itRunsOnHugepages(String setting) throws Exception {
        String free = Files.readString(Path.of("/proc/meminfo"));
        Matcher pages = Pattern.compile("HugePages_Free:\\s*(\\d+)[\\s\\S]*Hugepagesize:\\s*(\\d+)").matcher(free);
        assumeTrue(
                pages.find()
                        && (Long.parseLong(pages.group(1)) * Long.parseLong(pages.group(2))) >> 10 >= HUGEPAGES_MIB
                        && Files.isWritable(Path.of("/dev/hugepages")),
                "there are not " + HUGEPAGES_MIB + " MiB of hugepages for this user");
        assertThat(run("noPci", "memory=600", setting)).containsExactly("read and written");
    }

    @Test
    void itRunsWithThePciBusLookedAt() throws Exception {
        assertThat(run("noHuge", "memory=600")).containsExactly("read and written");
    }

    @Test
    void threadsRunOnTheCoresTheyArePinnedTo() throws Exception {
        List<String> output = run("noHuge", "noPci", "pinned");
        assertThat(output).hasSizeGreaterThan(1);
        for (int core : cores()) {
            assertThat(output).contains("core " + core + " ran on " + core);
        }
    }

    @Test
    void oneCoreOfAMaskIsEnough() throws Exception {
        int core = cores().getLast();
        assertThat(run("noHuge", "noPci", "cores=[" + core + "]", "main=" + core)).containsExactly("read and written");
    }

    @ParameterizedTest
    @CsvSource({
        "cores=[900], core 900",
        "main=900, main core 900",
        "single, hugepageSingleSegments",
        "memory=100000000, memory"
    })
    void aSettingThatCannotBeIsRefusedWithItsName(String setting, String named) throws Exception {
        List<String> output = run("noHuge", "noPci", setting);
        assertThat(output).hasSize(1);
        assertThat(output.getFirst()).startsWith("refused").containsIgnoringCase(named);
    }

    /** DPDK can't make its folder there, and goes on without it. */
    @Test
    void whatDpdkLogsGoesToTheLogger() throws Exception {
        try (ChildJvm child =
                new ChildJvm(List.of("env", "RUNTIME_DIRECTORY=/proc"), List.of(), Program.class, "noHuge", "noPci")) {
            List<String> output = child.allOutput();
            assertThat(child.exitCode()).as("%s", output).isZero();
            assertThat(output)
                    .contains("OUT read and written")
                    .anyMatch(line -> line.startsWith("SEVERE: EAL: ") && line.contains("/proc/dpdk"))
                    .noneMatch(line -> line.startsWith("EAL: "));
        }
    }

    @Test
    void faultsOfJavaCodeStayExceptions() throws Exception {
        assertThat(run("folder=" + folder, "noHuge", "noPci", "faults"))
                .containsExactly("read and written", "null pointers 50", "SIGBUS caught");
    }

    /** A JVM leaves a signal alone that it was started to ignore, as a shell starts what runs in the background. */
    private static boolean isIgnored(int signalNumber) throws IOException {
        Matcher ignored =
                Pattern.compile("SigIgn:\\s*(\\p{XDigit}+)").matcher(Files.readString(Path.of("/proc/self/status")));
        return ignored.find() && (Long.parseUnsignedLong(ignored.group(1), 16) & 1L << (signalNumber - 1)) != 0;
    }

    @ParameterizedTest
    @CsvSource({"INT, 130", "TERM, 143", "HUP, 129"})
    void aSignalEndsTheJvmWithItsHooks(String signal, int exitCode) throws Exception {
        assumeFalse(isIgnored(exitCode - 128), "SIG" + signal + " is ignored here, by whatever started this");
        try (ChildJvm child = ChildJvm.start(Program.class, "noHuge", "noPci", "wait")) {
            assertThat(child.awaitLine("OUT waiting")).isNotNull();
            child.signal(signal);
            assertThat(child.allOutput()).contains("OUT hook");
            assertThat(child.exitCode()).isEqualTo(exitCode);
        }
    }
}
