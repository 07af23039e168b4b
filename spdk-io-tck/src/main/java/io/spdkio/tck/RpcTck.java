package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.spdkio.Errno;
import io.spdkio.IoFuture;
import io.spdkio.SpdkException;
import io.spdkio.SpdkException.RpcFailed;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.IoType;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import java.io.IOException;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;

/** The control plane: SPDK's JSON-RPC methods, their parameters, results and error codes. */
public abstract class RpcTck extends EngineTck {
    /** For the subclasses. */
    protected RpcTck() {}

    private Object call(String method, Object... namesAndValues) {
        return await(env.rpc().call(method, params(namesAndValues)));
    }

    private static Map<String, Object> params(Object... namesAndValues) {
        Map<String, Object> params = new LinkedHashMap<>();
        for (int i = 0; i < namesAndValues.length; i += 2) {
            params.put((String) namesAndValues[i], namesAndValues[i + 1]);
        }
        return params;
    }

    private RpcFailed failure(String method, Object... namesAndValues) {
        return failsWith(RpcFailed.class, () -> env.rpc().call(method, params(namesAndValues)));
    }

    private void failsWithCode(int code, String method, Object... namesAndValues) {
        RpcFailed failure = failure(method, namesAndValues);
        assertThat(failure.code()).as(failure.getMessage()).isEqualTo(code);
        assertThat(failure.rpcMessage()).isNotBlank();
        assertThat(failure).hasMessageContaining(method).hasMessageContaining(failure.rpcMessage());
    }

    @SuppressWarnings("unchecked") // as documented
    private static Map<String, Object> object(Object value) {
        assertThat(value).isInstanceOf(LinkedHashMap.class);
        return (Map<String, Object>) value;
    }

    private static Object onlyOf(Object value) {
        assertThat(value).isInstanceOf(List.class);
        assertThat((List<?>) value).hasSize(1);
        return ((List<?>) value).getFirst();
    }

    private Map<String, Object> described(String name) {
        return object(onlyOf(call("bdev_get_bdevs", "name", name)));
    }

    private Map<String, Object> specific(String name, String kind) {
        return object(object(described(name).get("driver_specific")).get(kind));
    }

    // ---- calls

    @Test
    void itTellsItsMethodsAndItsVersion() {
        List<?> methods = (List<?>) call("rpc_get_methods");
        for (String method : List.of("rpc_get_methods", "spdk_get_version", "bdev_get_bdevs", "bdev_malloc_create")) {
            assertThat(methods).filteredOn(method::equals).hasSize(1);
        }
        Map<String, Object> version = object(call("spdk_get_version"));
        assertThat((String) version.get("version")).startsWith("SPDK v");
        assertThat(object(version.get("fields")).get("major")).isInstanceOf(Long.class);
        failsWithCode(RpcFailed.INVALID_PARAMS, "spdk_get_version", "verbose", true);
    }

    @Test
    void aMethodThatIsNotThereFailsWithThatCode() {
        failsWithCode(RpcFailed.METHOD_NOT_FOUND, "no_such_method");
        failsWithCode(RpcFailed.METHOD_NOT_FOUND, "no_such_method", "a", 1);
    }

    @Test
    void aCallFromAnSpdkThreadCompletesThere() {
        List<Thread> completed = new ArrayList<>();
        IoFuture<Object> answer = env.rpc().call("spdk_get_version");
        var done = answer.thenRun(() -> completed.add(Thread.currentThread()));
        await(done);
        assertThat(completed).containsExactly(Thread.currentThread());
    }

    @Test
    void aCallFromAnyThreadIsAnswered() throws Exception {
        Object version = elsewhere(() -> bounded(env.rpc().call("spdk_get_version")).join());
        assertThat(version).isEqualTo(call("spdk_get_version"));
    }

    @Test
    void aClosedEnvironmentAnswersNoCall() {
        var rpc = env.rpc();
        env.close();
        assertThatThrownBy(() -> rpc.call("spdk_get_version")).isInstanceOf(SpdkException.Closed.class);
    }

    @Test
    void parametersAreCopied() {
        Map<String, Object> params = params("name", "m", "num_blocks", 64, "block_size", 512);
        IoFuture<Object> created = env.rpc().call("bdev_malloc_create", params);
        params.clear();
        assertThat(await(created)).isEqualTo("m");
    }

    @Test
    void numbersOfEveryKindAreTaken() {
        List<Number> blocks = List.of((byte) 64, (short) 64, 64, 64L, BigInteger.valueOf(64), 64.0f, 64.0);
        for (Number count : blocks) {
            call("bdev_null_create", "name", "n", "num_blocks", count, "block_size", (short) 512);
            assertThat(env.bdevs().get("n").blockCount()).as(count.getClass().getName()).isEqualTo(64);
            call("bdev_null_delete", "name", "n");
        }
    }

    @Test
    void whatJsonDoesNotHaveIsRefused() {
        Map<Object, Object> numbered = new HashMap<>();
        numbered.put(1, 1);
        Map<String, Object> nameless = new HashMap<>();
        nameless.put(null, 1);
        List<Object> deep = List.of();
        for (int i = 0; i < 100; i++) {
            deep = List.of(deep);
        }
        for (Object value :
                List.of(
                        Double.NaN,
                        Float.POSITIVE_INFINITY,
                        'c',
                        new byte[1],
                        Thread.currentThread(),
                        deep,
                        numbered)) {
            assertThatThrownBy(() -> env.rpc().call("bdev_get_bdevs", Map.of("name", value)))
                    .as("%s", value)
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("params.name");
        }
        assertThatThrownBy(() -> env.rpc().call("bdev_get_bdevs", nameless)).isInstanceOf(NullPointerException.class);
        assertThatThrownBy(() -> env.rpc().call(" ")).isInstanceOf(IllegalArgumentException.class);
        assertThatThrownBy(() -> env.rpc().call(null)).isInstanceOf(NullPointerException.class);
        List<Object> endless = new ArrayList<>();
        endless.add(endless);
        assertThatThrownBy(() -> env.rpc().call("bdev_get_bdevs", Map.of("name", endless)))
                .isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void stringsComeThroughAsTheyAre() {
        for (String name : List.of("a \"quoted\" \\ name", "tab\tand newline\n", "Ärger 日本 \uD83D\uDCBE", "{}[],:")) {
            assertThat(call("bdev_malloc_create", "name", name, "num_blocks", 8, "block_size", 512)).isEqualTo(name);
            assertThat(env.bdevs().find(name)).isPresent();
            assertThat(described(name).get("name")).isEqualTo(name);
            call("bdev_malloc_delete", "name", name);
        }
    }

    // ---- what can't be read

    @ParameterizedTest
    @CsvSource({
        "bdev_malloc_create, -32603",
        "bdev_malloc_delete, -32603",
        "bdev_null_create, -32603",
        "bdev_null_resize, -32603",
        "bdev_aio_create, -32603",
        "bdev_error_create, -32603",
        "bdev_error_inject_error, -32603",
        "bdev_delay_create, -32603",
        "bdev_delay_update_latency, -32603",
        "bdev_passthru_create, -32603",
        "bdev_set_qos_limit, -32603",
        "bdev_enable_histogram, -32603",
        "bdev_get_histogram, -32603",
        "bdev_raid_create, -32700",
        "bdev_raid_delete, -32700",
        "bdev_raid_get_bdevs, -32700",
        "bdev_split_create, -32602",
        "bdev_split_delete, -32602",
    })
    void missingAndUnknownParametersFailWithTheCodeOfTheMethod(String method, int code) {
        failsWithCode(code, method);
        failsWithCode(code, method, "no_such_parameter", 1);
        failsWithCode(code, method, "name", 17, "base_bdev", 17);
    }

    @Test
    void aParameterThatIsNotKnownIsRefused() {
        failsWithCode(
                RpcFailed.INTERNAL_ERROR,
                "bdev_malloc_create",
                "name",
                "m",
                "num_blocks",
                64,
                "block_size",
                512,
                "no_such_parameter",
                1);
        assertThat(env.bdevs().find("m")).isEmpty();
        failsWithCode(RpcFailed.INTERNAL_ERROR, "bdev_get_bdevs", "no_such_parameter", 1);
        failsWithCode(RpcFailed.INVALID_PARAMS, "rpc_get_methods", "no_such_parameter", 1);
    }

    @Test
    void aParameterOfAnotherTypeIsRefused() {
        for (Object blocks : new Object[] {"many", -1, 1.5, true, List.of(8), null, BigInteger.ONE.shiftLeft(64)}) {
            failsWithCode(
                    RpcFailed.INTERNAL_ERROR,
                    "bdev_malloc_create",
                    "name",
                    "m",
                    "num_blocks",
                    blocks,
                    "block_size",
                    512);
        }
        failsWithCode(RpcFailed.INTERNAL_ERROR, "bdev_get_bdevs", "name", 1);
        failsWithCode(RpcFailed.INTERNAL_ERROR, "bdev_get_bdevs", "names", "m");
        assertThat(env.bdevs().list()).isEmpty();
    }

    // ---- devices

    @Test
    void aDeviceMadeByACallIsADevice() {
        UUID uuid = UUID.randomUUID();
        assertThat(
                        call(
                                "bdev_malloc_create",
                                "name",
                                "m",
                                "num_blocks",
                                64,
                                "block_size",
                                512,
                                "uuid",
                                uuid.toString(),
                                "optimal_io_boundary",
                                8))
                .isEqualTo("m");
        Bdev bdev = env.bdevs().get("m");
        assertThat(bdev.uuid()).isEqualTo(uuid);
        assertThat(bdev.geometry().optimalIoBoundaryBlocks()).isEqualTo(8);
        Device device = device(bdev);
        device.write(0, pattern(seed, 64 * 512));
        assertThat(device.read(0, 64 * 512)).isEqualTo(pattern(seed, 64 * 512));
        Map<String, Object> told = described("m");
        assertThat(told)
                .contains(
                        entry("name", "m"),
                        entry("product_name", "Malloc disk"),
                        entry("block_size", 512L),
                        entry("num_blocks", 64L),
                        entry("uuid", uuid.toString()),
                        entry("claimed", false),
                        entry("zoned", false));
        assertThat(object(told.get("supported_io_types")))
                .contains(entry("read", true), entry("write", true), entry("unmap", true), entry("nvme_admin", false));
        assertThat(told.get("aliases")).isInstanceOf(List.class);
        device.close();
        assertThat(call("bdev_malloc_delete", "name", "m")).isEqualTo(true);
        assertThat(env.bdevs().find("m")).isEmpty();
        failsWithCode(-Errno.ENODEV, "bdev_malloc_delete", "name", "m");
        failsWithCode(-Errno.ENODEV, "bdev_get_bdevs", "name", "m");
    }

    @Test
    void aNameThatIsTakenFailsAndErrnoSaysSo() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        RpcFailed failure = failure("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        assertThat(failure.code()).isEqualTo(-Errno.EEXIST);
        assertThat(failure.errno()).isEqualTo(Errno.EEXIST);
    }

    @Test
    void aDeviceWithoutANameGetsOne() {
        Object first = call("bdev_malloc_create", "num_blocks", 64, "block_size", 512);
        Object second = call("bdev_malloc_create", "num_blocks", 64, "block_size", 512);
        assertThat(List.of(first, second)).doesNotHaveDuplicates();
        for (Object name : List.of(first, second)) {
            assertThat((String) name).startsWith("Malloc");
            assertThat(env.bdevs().find((String) name)).isPresent();
        }
    }

    @Test
    void anImpossibleShapeFailsWithEinval() {
        failsWithCode(-Errno.EINVAL, "bdev_malloc_create", "name", "m", "num_blocks", 0, "block_size", 512);
        failsWithCode(-Errno.EINVAL, "bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 511);
        failsWithCode(-Errno.EINVAL, "bdev_null_create", "name", "n", "num_blocks", 0, "block_size", 512);
    }

    @Test
    void aDeviceOfAnotherModuleIsNotDeleted() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        failsWithCode(-Errno.ENODEV, "bdev_null_delete", "name", "m");
        assertThat(env.bdevs().find("m")).isPresent();
    }

    @Test
    void aNullDeviceGrowsInMebibytes() {
        call("bdev_null_create", "name", "n", "num_blocks", 2048, "block_size", 512);
        assertThat(call("bdev_null_resize", "name", "n", "new_size", 3)).isEqualTo(true);
        assertThat(env.bdevs().get("n").sizeBytes()).isEqualTo(3 << 20);
        failsWithCode(-Errno.EINVAL, "bdev_null_resize", "name", "n", "new_size", 1);
        failsWithCode(-Errno.ENODEV, "bdev_null_resize", "name", "missing", "new_size", 3);
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        failsWithCode(-Errno.EINVAL, "bdev_null_resize", "name", "m", "new_size", 3);
    }

    @ParameterizedTest
    @CsvSource({"aio", "uring"})
    void aFileBecomesADevice(String kind, @TempDir Path folder) throws IOException {
        assumeTrue(
                ((List<?>) call("rpc_get_methods")).contains("bdev_" + kind + "_create"),
                "this engine has no bdev_" + kind + "_create");
        Path file = Files.write(folder.resolve("file"), pattern(seed, 1 << 16));
        assertThat(call("bdev_" + kind + "_create", "name", "f", "filename", file.toString(), "block_size", 4096))
                .isEqualTo("f");
        assertThat(specific("f", kind).get("filename")).isEqualTo(file.toString());
        Device device = device(env.bdevs().get("f"));
        assertThat(device.read(0, 1 << 16)).isEqualTo(pattern(seed, 1 << 16));
        Files.write(file, new byte[1 << 17]);
        assertThat(call("bdev_" + kind + "_rescan", "name", "f")).isEqualTo(true);
        assertThat(device.bdev.sizeBytes()).isEqualTo(1 << 17);
        device.close();
        assertThat(call("bdev_" + kind + "_delete", "name", "f")).isEqualTo(true);
        failsWithCode(-Errno.ENODEV, "bdev_" + kind + "_delete", "name", "f");
        RpcFailed missing =
                failure("bdev_" + kind + "_create", "name", "f", "filename", file + "-missing", "block_size", 4096);
        assertThat(missing.code()).isEqualTo(kind.equals("aio") ? -Errno.ENOENT : RpcFailed.INTERNAL_ERROR);
    }

    @Test
    void anErrorDeviceIsNamedAfterItsBaseAndFailsWhatItIsTold() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        assertThat(call("bdev_error_create", "base_name", "m")).isEqualTo(true);
        assertThat(specific("EE_m", "error_disk")).isEqualTo(Map.of("base_bdev", "m"));
        assertThat(described("m")).contains(entry("claimed", true));
        assertThat(call("bdev_error_inject_error", "name", "EE_m", "io_type", "write", "error_type", "failure"))
                .isEqualTo(true);
        Device device = device(env.bdevs().get("EE_m"));
        assertThatThrownBy(() -> device.write(0, filled(1, 512))).isInstanceOf(SpdkException.IoFailed.class);
        device.write(0, filled(1, 512));
        call("bdev_error_inject_error", "name", "EE_m", "io_type", "all", "error_type", "failure", "num", 100);
        assertThatThrownBy(() -> device.read(0, 512)).isInstanceOf(SpdkException.IoFailed.class);
        call("bdev_error_inject_error", "name", "EE_m", "io_type", "clear", "error_type", "failure");
        assertThat(device.read(0, 512)).containsOnly(1);
        call(
                "bdev_error_inject_error",
                "name",
                "EE_m",
                "io_type",
                "read",
                "error_type",
                "corrupt_data",
                "corrupt_offset",
                3,
                "corrupt_value",
                0xfe);
        byte[] expected = filled(1, 512);
        expected[3] = (byte) 0xff;
        assertThat(device.read(0, 512)).isEqualTo(expected);
        failsWithCode(
                -Errno.EINVAL,
                "bdev_error_inject_error",
                "name",
                "EE_m",
                "io_type",
                "read",
                "error_type",
                "corrupt_data");
        failsWithCode(
                RpcFailed.INTERNAL_ERROR,
                "bdev_error_inject_error",
                "name",
                "EE_m",
                "io_type",
                "compare",
                "error_type",
                "failure");
        failsWithCode(
                -Errno.ENODEV, "bdev_error_inject_error", "name", "m", "io_type", "read", "error_type", "failure");
        device.close();
        assertThat(call("bdev_error_delete", "name", "EE_m")).isEqualTo(true);
    }

    @Test
    void aDelayDeviceTellsItsTimesAndChangesThem() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        assertThat(
                        call(
                                "bdev_delay_create",
                                "base_bdev_name",
                                "m",
                                "name",
                                "d",
                                "avg_read_latency",
                                10,
                                "p99_read_latency",
                                20,
                                "avg_write_latency",
                                30,
                                "p99_write_latency",
                                40))
                .isEqualTo("d");
        assertThat(specific("d", "delay")).contains(entry("name", "d"), entry("base_bdev_name", "m"));
        // Kept in ticks, and rounded down.
        assertThat(specific("d", "delay").get("p99_write_latency")).isIn(39L, 40L);
        assertThat(
                        call(
                                "bdev_delay_update_latency",
                                "delay_bdev_name",
                                "d",
                                "latency_type",
                                "p99_write",
                                "latency_us",
                                50))
                .isEqualTo(true);
        assertThat(specific("d", "delay").get("p99_write_latency")).isIn(49L, 50L);
        assertThat(specific("d", "delay").get("avg_write_latency")).isIn(29L, 30L);
        for (String[] wrong : new String[][] {{"d", "p50"}, {"missing", "avg_read"}}) {
            failsWithCode(
                    RpcFailed.INVALID_PARAMS,
                    "bdev_delay_update_latency",
                    "delay_bdev_name",
                    wrong[0],
                    "latency_type",
                    wrong[1],
                    "latency_us",
                    1);
        }
        RpcFailed other =
                failure(
                        "bdev_delay_update_latency",
                        "delay_bdev_name",
                        "m",
                        "latency_type",
                        "avg_read",
                        "latency_us",
                        1);
        assertThat(other.code()).isIn(RpcFailed.INVALID_REQUEST, RpcFailed.INVALID_PARAMS);
        assertThat(call("bdev_delay_delete", "name", "d")).isEqualTo(true);
    }

    @Test
    void aPassthruDeviceStandsOnItsBase() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        UUID uuid = UUID.randomUUID();
        assertThat(call("bdev_passthru_create", "base_bdev_name", "m", "name", "p", "uuid", uuid.toString()))
                .isEqualTo("p");
        assertThat(specific("p", "passthru")).isEqualTo(Map.of("name", "p", "base_bdev_name", "m"));
        assertThat(env.bdevs().get("p").uuid()).isEqualTo(uuid);
        assertThat(call("bdev_passthru_delete", "name", "p")).isEqualTo(true);
        assertThat(described("m")).contains(entry("claimed", false));
    }

    @Test
    void aSplitAnswersWithItsParts() {
        call("bdev_malloc_create", "name", "m", "num_blocks", 64, "block_size", 512);
        assertThat(call("bdev_split_create", "base_bdev", "m", "split_count", 2)).isEqualTo(List.of("mp0", "mp1"));
        assertThat(specific("mp1", "split")).isEqualTo(Map.of("base_bdev", "m", "offset_blocks", 32L));
        failsWithCode(RpcFailed.INVALID_PARAMS, "bdev_split_create", "base_bdev", "m", "split_count", 2);
        assertThat(call("bdev_split_delete", "base_bdev", "m")).isEqualTo(true);
        pollUntil("the parts are gone", () -> env.bdevs().find("mp0").isEmpty());
        failsWithCode(RpcFailed.INVALID_PARAMS, "bdev_split_delete", "base_bdev", "missing");
    }

    @Test
    void aRaidTellsItsBases() {
        for (String name : List.of("a", "b")) {
            call("bdev_malloc_create", "name", name, "num_blocks", 64, "block_size", 512);
        }
        assertThat(
                        call(
                                "bdev_raid_create",
                                "name",
                                "r",
                                "raid_level",
                                "raid0",
                                "strip_size_kb",
                                4,
                                "base_bdevs",
                                List.of("a", "b")))
                .isEqualTo(true);
        Map<String, Object> raid = specific("r", "raid");
        assertThat(raid)
                .contains(
                        entry("strip_size_kb", 4L),
                        entry("state", "online"),
                        entry("raid_level", "raid0"),
                        entry("superblock", false),
                        entry("num_base_bdevs", 2L));
        List<?> bases = (List<?>) raid.get("base_bdevs_list");
        assertThat(bases).hasSize(2);
        assertThat(object(bases.getLast()))
                .contains(entry("name", "b"), entry("is_configured", true), entry("data_size", 64L));
        assertThat(object(onlyOf(call("bdev_raid_get_bdevs", "category", "online"))).get("name")).isEqualTo("r");
        assertThat(call("bdev_raid_get_bdevs", "category", "offline")).isEqualTo(List.of());
        failsWithCode(-Errno.EINVAL, "bdev_raid_get_bdevs", "category", "best");
        failsWithCode(-Errno.ENODEV, "bdev_raid_delete", "name", "a");
        failsWithCode(
                RpcFailed.PARSE_ERROR,
                "bdev_raid_create",
                "name",
                "s",
                "raid_level",
                "raid9",
                "strip_size_kb",
                4,
                "base_bdevs",
                List.of("a"));
        failsWithCode(
                -Errno.EINVAL,
                "bdev_raid_create",
                "name",
                "s",
                "raid_level",
                "raid0",
                "strip_size_kb",
                3,
                "base_bdevs",
                List.of("a"));
        assertThat(call("bdev_raid_delete", "name", "r")).isEqualTo(true);
        pollUntil("the raid is gone", () -> env.bdevs().find("r").isEmpty());
    }

    // ---- what every device has

    @Test
    void iostatCountsAndIsReset() {
        Device device = mallocDevice(64, 512);
        String name = device.bdev.name();
        device.write(0, filled(1, 1024));
        device.read(0, 512);
        device.read(0, 512);
        Map<String, Object> stat = object(call("bdev_get_iostat", "names", List.of(name)));
        assertThat(stat.get("tick_rate")).isInstanceOf(Long.class);
        assertThat(object(onlyOf(stat.get("bdevs"))))
                .contains(
                        entry("name", name),
                        entry("num_read_ops", 2L),
                        entry("bytes_read", 1024L),
                        entry("num_write_ops", 1L),
                        entry("bytes_written", 1024L),
                        entry("num_unmap_ops", 0L));
        assertThat(call("bdev_reset_iostat", "name", name)).isEqualTo(true);
        assertThat(object(onlyOf(object(call("bdev_get_iostat")).get("bdevs"))))
                .contains(entry("num_read_ops", 0L), entry("bytes_written", 0L));
        failsWithCode(-Errno.ENODEV, "bdev_reset_iostat", "name", "missing");
        failsWithCode(-Errno.ENODEV, "bdev_get_iostat", "names", List.of("missing"));
        failsWithCode(-Errno.EINVAL, "bdev_get_iostat", "name", name, "names", List.of(name));
        failsWithCode(RpcFailed.INTERNAL_ERROR, "bdev_reset_iostat", "mode", "some");
    }

    @Test
    void theHistogramCountsWhatIsDoneWhileItIsOn() {
        Device device = mallocDevice(64, 512);
        String name = device.bdev.name();
        // SPDK v26.01 has no memory for the buckets that it does not know.
        assertThat(failure("bdev_get_histogram", "name", name).code()).isIn(RpcFailed.INTERNAL_ERROR, -Errno.ENOMEM);
        assertThat(call("bdev_enable_histogram", "name", name, "enable", true)).isEqualTo(true);
        for (int i = 0; i < 10; i++) {
            device.read(0, 512);
        }
        Map<String, Object> told = object(call("bdev_get_histogram", "name", name));
        long ranges = (Long) told.get("max_range") - (Long) told.get("min_range") + 1;
        byte[] buckets = Base64.getDecoder().decode((String) told.get("histogram"));
        assertThat(buckets).hasSize((int) ((ranges << (Long) told.get("granularity")) * Long.BYTES));
        long count = 0;
        ByteBuffer counts = ByteBuffer.wrap(buckets).order(ByteOrder.nativeOrder());
        while (counts.hasRemaining()) {
            count += counts.getLong();
        }
        assertThat(count).isEqualTo(10);
        assertThat(told.get("tsc_rate")).isInstanceOf(Long.class);
        assertThat(call("bdev_enable_histogram", "name", name, "enable", false)).isEqualTo(true);
        failsWithCode(-Errno.ENODEV, "bdev_enable_histogram", "name", "missing", "enable", true);
    }

    @Test
    void allDevicesAreListedWithoutAName() {
        assertThat(call("bdev_get_bdevs")).isEqualTo(Collections.emptyList());
        malloc(64, 512);
        Bdev other = malloc(64, 4096);
        List<?> all = (List<?>) call("bdev_get_bdevs");
        assertThat(all).hasSize(2);
        assertThat(all)
                .filteredOn(each -> object(each).get("name").equals(other.name()))
                .singleElement()
                .satisfies(each -> assertThat(object(each).get("block_size")).isEqualTo(4096L));
        assertThat(other.supports(IoType.READ)).isTrue();
    }
}
