package io.spdkio.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

class PerfTest {
    private static Ran perf(String... more) {
        return perfInColumns(80, more);
    }

    private static Ran perfInColumns(int columns, String... more) {
        List<String> args = new ArrayList<>(List.of("perf", "--time", "0.2", "--warm-up", "0.1"));
        args.addAll(List.of(more));
        return Ran.inColumns(columns, args.toArray(String[]::new));
    }

    private static JsonNode json(String... more) {
        List<String> args = new ArrayList<>(List.of(more));
        args.addAll(List.of("--json", "-"));
        return JsonMapper.shared().readTree(perf(args.toArray(String[]::new)).succeeded().out());
    }

    @Test
    void jsonHasExactlyTheseKeys() {
        JsonNode json = json("--bdev", "null:1GiB", "--queue-depth", "4", "--io-size", "8k", "--rw", "randrw");

        assertThat(json.propertyNames())
                .containsExactly(
                        "engine",
                        "bdev",
                        "rw",
                        "api",
                        "ioSizeBytes",
                        "queueDepth",
                        "threads",
                        "seconds",
                        "ios",
                        "iops",
                        "mibPerSecond",
                        "errors",
                        "allocatedBytesPerIo",
                        "latencyMicros");
        JsonNode latency = json.get("latencyMicros");
        assertThat(latency.propertyNames()).containsExactly("mean", "p50", "p90", "p99", "p999", "max");
        assertThat(json.get("engine").asString()).isEqualTo("embedded");
        assertThat(json.get("bdev").asString()).isEqualTo("null:1GiB");
        assertThat(json.get("rw").asString()).isEqualTo("randrw");
        assertThat(json.get("api").asString()).isEqualTo("queue");
        assertThat(json.get("ioSizeBytes").asInt()).isEqualTo(8192);
        assertThat(json.get("queueDepth").asInt()).isEqualTo(4);
        assertThat(json.get("threads").asInt()).isEqualTo(1);
        assertThat(json.get("errors").asLong()).isZero();
        double seconds = json.get("seconds").asDouble();
        assertThat(seconds).isPositive();
        assertThat(json.get("iops").asDouble())
                .isCloseTo(json.get("ios").asLong() / seconds, org.assertj.core.data.Percentage.withPercentage(1));
        assertThat(json.get("mibPerSecond").asDouble())
                .isCloseTo(json.get("iops").asDouble() / 128, org.assertj.core.data.Percentage.withPercentage(1));
        assertThat(latency.get("p50").asDouble()).isLessThanOrEqualTo(latency.get("p99").asDouble());
        assertThat(latency.get("p99").asDouble()).isLessThanOrEqualTo(latency.get("max").asDouble());
    }

    @ParameterizedTest
    @ValueSource(strings = {"read", "write", "rw", "randread", "randwrite", "randrw", "verify"})
    void everyWorkloadRunsThroughEveryApi(String workload) {
        for (String api : new String[] {"queue", "futures", "direct"}) {
            JsonNode json = json("--bdev", "malloc:1MiB", "--rw", workload, "--api", api, "--queue-depth", "8");

            assertThat(json.get("ios").asLong()).as(api).isPositive();
            assertThat(json.get("errors").asLong()).as(api).isZero();
            assertThat(json.get("api").asString()).isEqualTo(api);
        }
    }

    @Test
    void theQueueAllocatesNothing() {
        // The measurement itself allocates a few hundred bytes.
        assertThat(json("--bdev", "null:1GiB").get("allocatedBytesPerIo").asDouble()).isLessThan(0.5);
    }

    @Test
    void threadsShareADeviceOrHaveOneEach() {
        assertThat(json("--bdev", "malloc:1MiB", "--threads", "3", "--rw", "verify").get("threads").asInt())
                .isEqualTo(3);
        Ran ran = perf("--bdev", "null:1GiB", "--bdev", "null:2GiB", "--threads", "2").succeeded();
        assertThat(ran.out()).contains("thread 0  null:1GiB", "thread 1  null:2GiB", "all");
    }

    @Test
    void aQueueDeeperThanTheDeviceIsVerifiedToo() {
        assertThat(json("--bdev", "malloc:8KiB", "--rw", "verify").get("errors").asLong()).isZero();
    }

    @ParameterizedTest
    @ValueSource(ints = {30, 40, 80, 120})
    void theTableFitsTheTerminal(int columns) {
        Ran ran = perfInColumns(columns, "--bdev", "null:1GiB").succeeded();

        assertThat(ran.out()).contains("IOPS", "MiB/s", "p99.9", "latency");
        assertThat(ran.out().lines())
                .allSatisfy(line -> assertThat(line.length()).isLessThanOrEqualTo(Math.min(100, columns)));
        assertThat(ran.out()).doesNotContain("\u001b");
    }

    @ParameterizedTest
    @ValueSource(strings = {"queue", "futures"})
    void aBlobIsMeasuredAsADeviceIs(String api) {
        var result = json("--bdev", "blob:malloc:8MiB", "--rw", "verify", "--api", api, "--threads", "2");
        assertThat(result.get("errors").asLong()).isZero();
        assertThat(result.get("threads").asInt()).isEqualTo(2);
    }

    @Test
    void aBlobIsMeasuredOnAnyDeviceThatIsEmptyWhichItThenIsAgain(@TempDir Path folder) throws IOException {
        Path disk = folder.resolve("disk");
        for (String bdev : List.of("blob:file:" + disk + "?size=8MiB&create=true", "blob:passthru:aio:" + disk)) {
            var result = json("--bdev", bdev, "--rw", "randread");
            assertThat(result.get("ios").asLong()).as(bdev).isPositive();
            assertThat(result.get("errors").asLong()).as(bdev).isZero();
            assertThat(Arrays.copyOf(Files.readAllBytes(disk), 128 << 10)).as(bdev).containsOnly(0);
        }
    }

    @Test
    void aBlobIsNotMadeOverWhatADeviceHolds(@TempDir Path folder) throws IOException {
        Path disk = folder.resolve("disk");
        Ran.with("blob", "init", "--bdev", "file:" + disk + "?size=8MiB&create=true").succeeded();
        byte[] store = Files.readAllBytes(disk);
        perf("--bdev", "blob:file:" + disk).endedWith(1, "holds a blobstore", "empty device");
        assertThat(disk).hasBinaryContent(store);

        byte[] bytes = new byte[8 << 20];
        bytes[100_000] = 1;
        Files.write(disk, bytes);
        perf("--bdev", "blob:file:" + disk).endedWith(1, "is not empty", "empty device");
        assertThat(disk).hasBinaryContent(bytes);
        perf("--bdev", "blob:file:" + disk + "?readOnly=true").endedWith(2, "can only be read");
    }

    @Test
    void aBlobIsNotMadeWhereNothingIsKept() {
        perf("--bdev", "blob:null:1GiB").endedWith(2, "keeps nothing", "blob:malloc:64MiB");
        perf("--bdev", "blob:passthru:null:1GiB").endedWith(2, "keeps nothing");
        perf("--bdev", "blob:malloc:1MiB").endedWith(2, "no room", "larger");
        perf("--bdev", "blob:floppy:1MiB").endedWith(2, "malloc");
    }

    @Test
    void failedIosAreCountedAndEndWithExitCode1() {
        Ran ran = perf("--bdev", "error,op=read,rate=0.01,seed=3:malloc:1MiB").endedWith(1, "I/Os failed", "first");

        assertThat(ran.out()).contains("errors");
    }

    @Test
    void verifyFindsSilentCorruption() {
        perf("--bdev", "error,op=read,mode=corrupt:malloc:1MiB", "--rw", "verify")
                .endedWith(1, "holds other data than was written", "offset");
    }

    @Test
    void reportIsOneFileThatNeedsNothingElse(@TempDir Path folder) throws IOException {
        Path html = folder.resolve("report.html");
        Path json = folder.resolve("report.json");
        Ran ran = perf("--bdev", "null:1GiB", "--html", html.toString(), "--json", json.toString()).succeeded();

        assertThat(ran.out()).contains("IOPS", "report: " + html);
        assertThat(JsonMapper.shared().readTree(json).get("ios").asLong()).isPositive();
        String text = Files.readString(html);
        assertThat(text).startsWith("<!doctype html>").endsWith("</html>");
        assertThat(text).doesNotContain("{{");
        assertThat(text).doesNotContainPattern("(?i)(src|href|action)\\s*=\\s*[\"']");
        assertThat(text).doesNotContainPattern("(?i)url\\(|@import|fetch\\(|XMLHttpRequest|<link|<iframe");
        assertThat(text).contains("Throughput over time", "Latency distribution", "engine", "JDK", "p99.9");
    }

    @Test
    void namesInTheReportAreEscaped(@TempDir Path folder) throws IOException {
        Path html = folder.resolve("report.html");
        perf("--bdev", "null:1GiB?name=</script><b>&", "--html", html.toString()).succeeded();

        assertThat(Files.readString(html)).doesNotContain("</script><b>").contains("&lt;/script&gt;&lt;b&gt;&amp;");
    }
}
