package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.sys.NativeException;
import io.spdkio.sys.SpdkInstallation;

import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The command on the native engine, in processes of its own and in ordinary memory; skipped with the reason where SPDK
 * can't be linked, unless {@code -Dspdkio.native=required}.
 */
class NativeIT extends LauncherCopy {
    private static final Path CACHE = Path.of("../spdk-io-sys/target/native-cache").toAbsolutePath().normalize();

    private Ran spdkIo(String... args) throws Exception {
        return run(Map.of("SPDKIO_NATIVE_CACHE", CACHE.toString()), folder, launcher, args);
    }

    @BeforeEach
    void link() throws Exception {
        try {
            SpdkInstallation _ = SpdkInstallation.find();
        } catch (NativeException e) {
            if (System.getProperty("spdkio.native", "auto").equals("required")) {
                throw e;
            }
            Assumptions.abort(e.getMessage());
        }
        assertThat(spdkIo("native", "link").succeeded().out()).contains("libspdk_io.so");
    }

    private JsonNode perf(String... more) throws Exception {
        List<String> args =
                new ArrayList<>(
                        List.of("perf", "--engine", "native", "--no-huge", "--time", "0.3", "--warm-up", "0.2"));
        args.addAll(List.of("--json", "-"));
        args.addAll(List.of(more));
        return JsonMapper.shared().readTree(spdkIo(args.toArray(String[]::new)).succeeded().out());
    }

    @Test
    void perfRunsEveryApi() throws Exception {
        for (String api : new String[] {"queue", "futures", "direct"}) {
            JsonNode json = perf("--bdev", "malloc:64MiB", "--queue-depth", "128", "--rw", "verify", "--api", api);

            assertThat(json.get("engine").asString()).isEqualTo("native");
            assertThat(json.get("ios").asLong()).as(api).isPositive();
            assertThat(json.get("errors").asLong()).as(api).isZero();
        }
    }

    @Test
    void perfRunsOnEveryKindOfDevice() throws Exception {
        Path disk = folder.resolve("disk");
        Files.write(disk, new byte[1 << 20]);
        for (String bdev :
                List.of(
                        "null:1GiB",
                        "aio:" + disk,
                        "uring:" + disk,
                        "delay,read=10us:passthru:malloc:1MiB",
                        "blob:malloc:8MiB",
                        "blob:aio:" + folder.resolve("store") + "?size=8MiB&create=true",
                        "blob:uring:" + folder.resolve("store"))) {
            JsonNode json = perf("--bdev", bdev, "--rw", "randread");

            assertThat(json.get("ios").asLong()).as(bdev).isPositive();
            assertThat(json.get("errors").asLong()).as(bdev).isZero();
        }
    }

    @Test
    void ddCopiesThroughSpdk() throws Exception {
        Path source = folder.resolve("source");
        Path target = folder.resolve("target");
        byte[] data = new byte[3 << 20];
        new java.util.Random(1).nextBytes(data);
        Files.write(source, data);

        spdkIo(
                        "dd",
                        "--engine",
                        "native",
                        "--no-huge",
                        "--if",
                        "aio:" + source,
                        "--of",
                        "aio:" + target + "?size=4MiB&create=true",
                        "--verify")
                .succeeded();
        assertThat(Files.readAllBytes(target)).hasSize(4 << 20).startsWith(data);
    }

    @Test
    void bdevCommandsNameTheEngineAndItsMemory() throws Exception {
        assertThat(spdkIo("bdev", "info", "--engine", "native", "--no-huge", "null:1GiB").succeeded().out())
                .contains("native in ordinary memory", "Null0");
        assertThat(spdkIo("bdev", "list", "--engine", "native", "--no-huge", "malloc:1MiB").succeeded().out())
                .contains("Malloc0", "1 MiB");
    }

    @Test
    void withoutMemoryForADeviceItSaysWhichOptionHelps() throws Exception {
        spdkIo("bdev", "info", "--engine", "native", "--no-huge", "--memory", "64MiB", "malloc:2GiB")
                .endedWith(1, "Malloc0", "--memory", "hugepages");
    }

    private Ran blob(String subcommand, String... more) throws Exception {
        List<String> args = new ArrayList<>(List.of("blob"));
        args.addAll(List.of(subcommand.split(" ")));
        args.addAll(List.of("--engine", "native", "--no-huge"));
        args.addAll(List.of(more));
        return spdkIo(args.toArray(String[]::new));
    }

    @Test
    void blobsGoInAndOutThroughSpdkWithoutAWordOfItsLog() throws Exception {
        Path input = folder.resolve("input");
        byte[] data = new byte[3_000_001];
        new java.util.Random(2).nextBytes(data);
        Files.write(input, data);
        String store = "file:" + folder.resolve("store");

        blob("init", "--bdev", store + "?size=64MiB&create=true").succeeded();
        assertThat(blob("import", "--bdev", store, "" + input, "--name", "disk", "--verify").succeeded().out())
                .contains("verified");
        blob("xattr set", "--bdev", store, "disk", "owner", "me").succeeded();
        blob("create", "--bdev", store, "--size", "1GiB").endedWith(1, "ENOSPC");
        blob("show", "--bdev", store, "nobody").endedWith(1, "nobody", "blob ls");
        blob("export", "--bdev", store, "disk", "" + folder.resolve("output")).succeeded();
        assertThat(blob("ls", "--bdev", store).succeeded().out()).contains("1 blob");
        assertThat(blob("check", "--bdev", store).succeeded().out()).contains("nothing is wrong");

        assertThat(folder.resolve("output")).hasSameBinaryContentAs(input);
    }

    @Test
    void aProgramThatLeavesItsFilesToTheEnvironmentEndsWithoutAnErrorInSpdksLog() throws Exception {
        Path program = Path.of("../spdk-io-examples/src/main/java/io/spdkio/examples/HelloStorage.java");
        Ran ran =
                run(
                        Map.of(
                                "SPDKIO_NATIVE_CACHE",
                                CACHE.toString(),
                                "SPDKIO_JAVA_OPTS",
                                "-Dspdkio.engine=native -Dspdkio.noHuge=true"),
                        folder,
                        launcher,
                        "run",
                        program.toAbsolutePath().normalize().toString());

        assertThat(ran.succeeded().out()).contains("Hello, storage!");
    }

    @Test
    void aBlobIsNotMeasuredWhereNoStoreCanBe() throws Exception {
        for (String[] wrong : new String[][] {{"blob:null:1GiB", "keeps nothing"}, {"blob:malloc:1MiB", "no room"}}) {
            spdkIo("perf", "--engine", "native", "--no-huge", "--bdev", wrong[0]).endedWith(2, wrong[1]);
        }
    }

    @Test
    void doctorTellsWhatIsLinkedAndWhatIsAllowed() throws Exception {
        assertThat(spdkIo("doctor").out()).contains("library", "ABI", "hugepages", "permissions", "choice");
    }
}
