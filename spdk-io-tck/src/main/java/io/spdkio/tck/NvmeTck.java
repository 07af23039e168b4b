package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.ErrorBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.MallocBdev;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;

/** NVMe over TCP, from the environment to a target in the same process. */
public abstract class NvmeTck extends EngineTck {
    private static final String NQN = "nqn.2016-06.io.spdk:tck";
    private static final int BLOCK = 512;
    private static final int BLOCKS = 8192;

    private int port;
    private boolean exported;

    /** For the subclasses. */
    protected NvmeTck() {}

    private void call(String method, Map<String, ?> params) {
        await(env.rpc().call(method, params));
    }

    /** Exports devices as the namespaces of a subsystem. */
    private void export(String... names) {
        // The transport can't be taken away again, so one made for an earlier environment serves.
        if (!(await(env.rpc().call("nvmf_get_transports")) instanceof List<?> all) || all.isEmpty()) {
            call("nvmf_create_transport", Map.of("trtype", "TCP"));
        }
        call("nvmf_create_subsystem", Map.of("nqn", NQN, "allow_any_host", true, "serial_number", "TCK1"));
        exported = true;
        for (String name : names) {
            // With the device's own identity both could not be in one directory.
            String id = UUID.randomUUID().toString();
            Map<String, String> namespace =
                    Map.of("bdev_name", name, "uuid", id, "nguid", id.replace("-", "").toUpperCase(Locale.ROOT));
            call("nvmf_subsystem_add_ns", Map.of("nqn", NQN, "namespace", namespace));
        }
        port = freePort();
        call("nvmf_subsystem_add_listener", Map.of("nqn", NQN, "listen_address", address()));
    }

    private Map<String, String> address() {
        return Map.of("trtype", "TCP", "adrfam", "IPv4", "traddr", "127.0.0.1", "trsvcid", Integer.toString(port));
    }

    private static int freePort() {
        try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
            return socket.getLocalPort();
        } catch (IOException e) {
            throw new AssertionError(e);
        }
    }

    private List<Bdev> attach() {
        return await(env.bdevs().attachNvme(NvmeTarget.tcp("nvme", "127.0.0.1", port, NQN)));
    }

    private void unexport() {
        exported = false;
        call("nvmf_delete_subsystem", Map.of("nqn", NQN));
    }

    @AfterEach
    void endTheTarget() {
        if (exported && !env.isClosed()) {
            unexport();
        }
    }

    private Device remote() {
        create(MallocBdev.of("disk", (long) BLOCKS * BLOCK, BLOCK));
        export("disk");
        return device(attach().getFirst());
    }

    @Test
    void aNamespaceIsADevice() {
        create(MallocBdev.of("disk", (long) BLOCKS * BLOCK, BLOCK));
        create(MallocBdev.of("other", 2L * BLOCKS * BLOCK, BLOCK));
        export("disk", "other");
        List<Bdev> namespaces = attach();
        assertThat(namespaces).extracting(Bdev::name).containsExactlyInAnyOrder("nvmen1", "nvmen2");
        Bdev bdev = env.bdevs().get("nvmen1");
        assertThat(bdev.sizeBytes()).isEqualTo((long) BLOCKS * BLOCK);
        assertThat(bdev.blockSize()).isEqualTo(BLOCK);
        assertThat(bdev.productName()).contains("NVMe");
        await(env.bdevs().detachNvme("nvme"));
        assertThat(env.bdevs().find("nvmen1")).isEmpty();
        assertThat(bdev.isRemoved()).isTrue();
    }

    @Test
    void whatIsWrittenThereIsReadHereAndTheOtherWayRound() {
        Device remote = remote();
        byte[] model = new byte[BLOCKS * BLOCK];
        for (int i = 0; i < 100; i++) {
            int blocks = 1 + random.nextInt(600);
            int at = random.nextInt(BLOCKS - blocks) * BLOCK;
            byte[] data = pattern(seed + i, blocks * BLOCK);
            remote.write(at, data);
            System.arraycopy(data, 0, model, at, data.length);
        }
        assertThat(remote.read(0, model.length)).isEqualTo(model);
        // The target's own device holds the same.
        remote.close();
        await(env.bdevs().detachNvme("nvme"));
        unexport();
        assertThat(device(env.bdevs().get("disk")).read(0, model.length)).isEqualTo(model);
    }

    @Test
    void everyOperationTheDeviceSaysItKnows() {
        Device remote = remote();
        byte[] data = pattern(seed, 8 * BLOCK);
        remote.write(0, data);
        for (IoType type : IoType.values()) {
            if (!remote.bdev.supports(type)) {
                continue;
            }
            switch (type) {
                case COMPARE -> await(remote.desc.compare(remote.channel, buffer(data), 0, data.length));
                case COMPARE_AND_WRITE -> {
                    byte[] was = Arrays.copyOf(data, BLOCK);
                    await(remote.desc.compareAndWrite(remote.channel, buffer(was), buffer(filled(7, BLOCK)), 0, BLOCK));
                    assertThat(remote.read(0, BLOCK)).containsOnly(7);
                    remote.write(0, was);
                }
                case WRITE_ZEROES -> {
                    await(remote.desc.writeZeroes(remote.channel, 16 * BLOCK, 4 * BLOCK));
                    assertThat(remote.read(16 * BLOCK, 4 * BLOCK)).containsOnly(0);
                }
                case COPY -> {
                    await(remote.desc.copy(remote.channel, 0, 32 * BLOCK, data.length));
                    assertThat(remote.read(32 * BLOCK, data.length)).isEqualTo(data);
                }
                case UNMAP -> await(remote.desc.unmap(remote.channel, 64 * BLOCK, 8 * BLOCK));
                case FLUSH -> await(remote.desc.flush(remote.channel));
                case RESET -> await(remote.desc.reset(remote.channel));
                default -> {}
            }
        }
        assertThat(remote.read(0, data.length)).isEqualTo(data);
        List<DmaBuf> pieces = List.of(buffer(BLOCK), buffer(3 * BLOCK), buffer(4 * BLOCK));
        await(remote.desc.readv(remote.channel, pieces.stream().map(it -> it.slice(0, it.sizeBytes())).toList(), 0));
        assertThat(pieces.get(1).get(0, 3 * BLOCK)).isEqualTo(Arrays.copyOfRange(data, BLOCK, 4 * BLOCK));
    }

    @Test
    void aComparisonThatFailsIsTheNvmeStatusForIt() {
        Device remote = remote();
        remote.write(0, filled(1, BLOCK));
        SpdkException.IoFailed failure =
                completesWith(
                        SpdkException.IoFailed.class,
                        remote.desc.compare(remote.channel, buffer(filled(2, BLOCK)), 0, BLOCK));
        assertThat(failure.status()).isEqualTo(IoStatus.MISCOMPARE);
    }

    @Test
    void anErrorOfTheTargetsDeviceComesAsAnNvmeStatus() {
        create(MallocBdev.of("base", (long) BLOCKS * BLOCK, BLOCK));
        create(new ErrorBdev("disk", "base", List.of()));
        // The target finds it by SPDK's name for it.
        String name =
                (String)
                        ((Map<?, ?>)
                                        ((List<?>) await(env.rpc().call("bdev_get_bdevs", Map.of("name", "disk"))))
                                                .getFirst())
                                .get("name");
        export(name);
        Device remote = device(attach().getFirst());
        remote.write(0, filled(5, BLOCK));
        await(env.bdevs().injectError("disk", ErrorBdev.Injection.next(IoType.READ, ErrorBdev.Mode.FAILURE, 1)));
        SpdkException.IoFailed failure =
                completesWith(SpdkException.IoFailed.class, remote.desc.read(remote.channel, buffer(BLOCK), 0, BLOCK));
        assertThat(IoStatus.isNvme(failure.status())).as(failure.getMessage()).isTrue();
        assertThat(failure).hasMessageContaining("NVMe");
        assertThat(remote.read(0, BLOCK)).containsOnly(5);
    }

    /** Keeps a number of I/Os outstanding until one fails; the failure. */
    private List<IoFuture<Void>> load(Device remote, int count) {
        List<IoFuture<Void>> all = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            DmaBuf buffer = buffer(4096);
            long at = random.nextInt(BLOCKS * BLOCK / 4096) * 4096L;
            all.add(
                    i % 2 == 0
                            ? remote.desc.write(remote.channel, buffer, at, 4096)
                            : remote.desc.read(remote.channel, buffer, at, 4096));
        }
        return all;
    }

    private void eachEndsAsItShould(List<IoFuture<Void>> all) {
        pollUntil("the end of all I/O", () -> all.stream().allMatch(IoFuture::isDone));
        for (IoFuture<Void> future : all) {
            if (future.isCompletedExceptionally()) {
                assertThat(failureOf(() -> future)).isInstanceOf(SpdkException.class);
            }
        }
    }

    @Test
    void detachingUnderLoadEndsAllIo() {
        for (int round = 0; round < 3; round++) {
            Device remote = round == 0 ? remote() : device(attach().getFirst());
            List<IoFuture<Void>> all = load(remote, 500);
            poll(random.nextInt(20));
            var detached = env.bdevs().detachNvme("nvme");
            all.addAll(load(remote, 0));
            eachEndsAsItShould(all);
            pollUntil("the removal", remote.bdev::isRemoved);
            assertThat(remote.channel.outstanding()).isZero();
            remote.close();
            await(detached);
            assertThat(env.bdevs().find("nvmen1")).isEmpty();
        }
    }

    @Test
    void theTargetsEndUnderLoadEndsAllIo() {
        create(MallocBdev.of("disk", (long) BLOCKS * BLOCK, BLOCK));
        export("disk");
        // It gives up at once, rather than trying to connect again.
        Device remote = device(attach().getFirst());
        List<IoFuture<Void>> all = load(remote, 500);
        poll(random.nextInt(20));
        unexport();
        var detached = env.bdevs().detachNvme("nvme");
        eachEndsAsItShould(all);
        remote.close();
        await(detached);
        assertThat(env.bdevs().find("nvmen1")).isEmpty();
    }

    @Test
    void theNamespacesEndUnderLoadEndsAllIo() {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 500);
        poll(random.nextInt(20));
        var destroyed = env.bdevs().destroy("disk");
        eachEndsAsItShould(all);
        await(destroyed);
        pollUntil("the removal", remote.bdev::isRemoved);
        remote.close();
    }

    @Test
    void aMissingTargetIsAnErrorThatNamesIt() {
        port = freePort();
        assertThat(failureOf(() -> env.bdevs().attachNvme(NvmeTarget.tcp("nvme", "127.0.0.1", port, NQN))))
                .isInstanceOf(SpdkException.class)
                .hasMessageContaining("nvme")
                .hasMessageContaining("127.0.0.1");
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void anEnvironmentClosedWithEverythingAttachedEnds() {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 200);
        poll(3);
        unexport();
        env.close();
        assertThat(all).allMatch(IoFuture::isDone);
    }

    @Test
    void aDeviceWrittenInJavaIsForTheEnvironmentsThreadsAndRefusedToTheTargets() {
        create(CustomBdev.of("java", TestBackend.of(BLOCKS, BLOCK)));
        call("nvmf_create_subsystem", Map.of("nqn", NQN, "allow_any_host", true));
        exported = true;
        failsWith(
                SpdkException.RpcFailed.class,
                () ->
                        env.rpc()
                                .call(
                                        "nvmf_subsystem_add_ns",
                                        Map.of("nqn", NQN, "namespace", Map.of("bdev_name", "java"))));
        Device here = device(env.bdevs().get("java"));
        here.write(0, filled(3, BLOCK));
        assertThat(here.read(0, BLOCK)).containsOnly(3);
    }
}
