package io.spdkio.tck;

import static org.assertj.core.api.Assertions.assertThat;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.IoStatus;
import io.spdkio.JoinHandle;
import io.spdkio.SpdkException;
import io.spdkio.bdev.Bdev;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.IoType;
import io.spdkio.bdev.NvmeTarget;
import io.spdkio.dma.DmaBuf;
import io.spdkio.tck.process.TargetJvm;

import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.Test;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** NVMe over TCP, to a target in a process of its own: what a user has, and what can be stopped and killed. */
public abstract class NvmeTck extends EngineTck {
    private static final int BLOCK = 512;
    private static final int BLOCKS = 8192;

    private static TargetJvm target;

    /** For the subclasses. */
    protected NvmeTck() {}

    @AfterAll
    static void stopTheTarget() {
        if (target != null) {
            target.close();
            target = null;
        }
    }

    /** Serves devices of these sizes; one JVM does for all tests that leave it alive. */
    private void serve(long... sizesBytes) throws IOException {
        target().serve(sizesBytes);
    }

    private TargetJvm target() throws IOException {
        if (target == null) {
            target = TargetJvm.start(fixture().engineName());
        } else {
            target.end();
        }
        return target;
    }

    private void kill() throws InterruptedException {
        target.jvm().kill();
        target = null;
    }

    private NvmeTarget spec() {
        return NvmeTarget.tcp("nvme", "127.0.0.1", target.port(), TargetJvm.NQN);
    }

    private List<Bdev> attach() {
        return await(env.bdevs().attachNvme(spec()));
    }

    private Device remote() throws IOException {
        serve((long) BLOCKS * BLOCK);
        return device(attach().getFirst());
    }

    @Test
    void aNamespaceIsADevice() throws IOException {
        serve((long) BLOCKS * BLOCK, 2L * BLOCKS * BLOCK);
        List<Bdev> namespaces = attach();
        assertThat(namespaces).extracting(Bdev::name).containsExactlyInAnyOrder("nvmen1", "nvmen2");
        Bdev bdev = env.bdevs().get("nvmen1");
        assertThat(bdev.sizeBytes()).isEqualTo((long) BLOCKS * BLOCK);
        assertThat(env.bdevs().get("nvmen2").sizeBytes()).isEqualTo(2L * BLOCKS * BLOCK);
        assertThat(bdev.blockSize()).isEqualTo(BLOCK);
        assertThat(bdev.productName()).contains("NVMe");
        await(env.bdevs().detachNvme("nvme"));
        assertThat(env.bdevs().find("nvmen1")).isEmpty();
        assertThat(bdev.isRemoved()).isTrue();
    }

    @Test
    void whatIsWrittenIsThereForWhoAttachesNext() throws IOException {
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
        remote.close();
        await(env.bdevs().detachNvme("nvme"));
        assertThat(device(attach().getFirst()).read(0, model.length)).isEqualTo(model);
    }

    @Test
    void everyOperationTheDeviceSaysItKnows() throws IOException {
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
    void aComparisonThatFailsIsAnNvmeStatus() throws IOException {
        Device remote = remote();
        remote.write(0, filled(1, BLOCK));
        SpdkException.IoFailed failure =
                completesWith(
                        SpdkException.IoFailed.class,
                        remote.desc.compare(remote.channel, buffer(filled(2, BLOCK)), 0, BLOCK));
        // Which one is the target's affair: SPDK's own says internal device error when its device can't compare.
        assertThat(IoStatus.isNvme(failure.status())).as(failure.getMessage()).isTrue();
        failure =
                completesWith(
                        SpdkException.IoFailed.class,
                        remote.desc.compareAndWrite(
                                remote.channel, buffer(filled(2, BLOCK)), buffer(filled(3, BLOCK)), 0, BLOCK));
        assertThat(failure.status()).as(failure.getMessage()).isEqualTo(IoStatus.MISCOMPARE);
        assertThat(remote.read(0, BLOCK)).containsOnly(1);
    }

    @Test
    void anErrorOfTheTargetsDeviceComesAsAnNvmeStatus() throws IOException {
        target().serveFaulty((long) BLOCKS * BLOCK);
        Device remote = device(attach().getFirst());
        remote.write(0, filled(5, BLOCK));
        // An error that may pass is tried again, three times by default.
        target.failReads(1, 4);
        SpdkException.IoFailed failure =
                completesWith(SpdkException.IoFailed.class, remote.desc.read(remote.channel, buffer(BLOCK), 0, BLOCK));
        assertThat(IoStatus.isNvme(failure.status())).as(failure.getMessage()).isTrue();
        assertThat(failure).hasMessageContaining("NVMe");
        assertThat(remote.read(0, BLOCK)).containsOnly(5);
    }

    @Test
    void twoThreadsHaveAQueuePairEach() throws Exception {
        Device remote = remote();
        byte[] mine = pattern(seed, 64 * BLOCK);
        byte[] theirs = pattern(seed + 1, 64 * BLOCK);
        JoinHandle<Void> other =
                env.spawnThread(
                        "other",
                        thread -> {
                            try (IoChannel channel = thread.ioChannel(remote.desc)) {
                                DmaBuf buffer = env.dma().allocate(BLOCK);
                                for (int i = 0; i < 64; i++) {
                                    buffer.put(0, Arrays.copyOfRange(theirs, i * BLOCK, (i + 1) * BLOCK));
                                    thread.await(remote.desc.write(channel, buffer, (100L + i) * BLOCK, BLOCK));
                                }
                            }
                            return null;
                        });
        for (int i = 0; i < 64; i++) {
            remote.write((long) i * BLOCK, Arrays.copyOfRange(mine, i * BLOCK, (i + 1) * BLOCK));
        }
        pollUntil("the other thread", other.result()::isDone);
        other.join();
        assertThat(remote.read(0, mine.length)).isEqualTo(mine);
        assertThat(remote.read(100 * BLOCK, theirs.length)).isEqualTo(theirs);
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
    void detachingUnderLoadEndsAllIo() throws IOException {
        for (int round = 0; round < 3; round++) {
            Device remote = round == 0 ? remote() : device(attach().getFirst());
            List<IoFuture<Void>> all = load(remote, 500);
            poll(random.nextInt(20));
            var detached = env.bdevs().detachNvme("nvme");
            eachEndsAsItShould(all);
            pollUntil("the removal", remote.bdev::isRemoved);
            assertThat(remote.channel.outstanding()).isZero();
            remote.close();
            await(detached);
            assertThat(env.bdevs().find("nvmen1")).isEmpty();
        }
    }

    @Test
    void theSubsystemsEndUnderLoadEndsAllIo() throws Exception {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 500);
        poll(random.nextInt(20));
        runElsewhere(target::end);
        var detached = env.bdevs().detachNvme("nvme");
        eachEndsAsItShould(all);
        remote.close();
        await(detached);
        assertThat(env.bdevs().find("nvmen1")).isEmpty();
    }

    @Test
    void theNamespacesEndUnderLoadEndsAllIo() throws Exception {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 500);
        poll(random.nextInt(20));
        runElsewhere(() -> target.remove(1));
        eachEndsAsItShould(all);
        pollUntil("the removal", remote.bdev::isRemoved);
        remote.close();
    }

    @Test
    void aKilledTargetEndsAllIo() throws Exception {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 500);
        poll(random.nextInt(20));
        kill();
        var detached = env.bdevs().detachNvme("nvme");
        eachEndsAsItShould(all);
        remote.close();
        await(detached);
    }

    @Test
    void aTargetThatStandsStillKeepsIoUntilItGoesOn() throws Exception {
        Device remote = remote();
        remote.write(0, filled(1, BLOCK));
        IoFuture<Void> late;
        target.jvm().signal("STOP");
        try {
            // Until all its threads have noticed.
            pollFor(Duration.ofMillis(200));
            late = remote.desc.read(remote.channel, buffer(BLOCK), 0, BLOCK);
            IoFuture<Void> bounded =
                    remote.desc.read(remote.channel, buffer(BLOCK), 0, BLOCK).withDeadline(Duration.ofMillis(100));
            completesWith(SpdkException.TimedOut.class, bounded);
            pollFor(Duration.ofMillis(300));
            assertThat(late).isNotDone();
        } finally {
            target.jvm().signal("CONT");
        }
        await(late);
        pollUntil("the end of the read that was given up", () -> remote.channel.outstanding() == 0);
        assertThat(remote.read(0, BLOCK)).containsOnly(1);
    }

    @Test
    void aMissingTargetIsAnErrorThatNamesIt() throws IOException {
        serve((long) BLOCKS * BLOCK);
        NvmeTarget missing = spec();
        target.end();
        assertThat(failureOf(() -> env.bdevs().attachNvme(missing)))
                .isInstanceOf(SpdkException.class)
                .hasMessageContaining("nvme")
                .hasMessageContaining("127.0.0.1");
        assertThat(env.bdevs().list()).isEmpty();
    }

    @Test
    void anEnvironmentClosedWithEverythingAttachedEnds() throws IOException {
        Device remote = remote();
        List<IoFuture<Void>> all = load(remote, 200);
        poll(3);
        env.close();
        assertThat(all).allMatch(IoFuture::isDone);
    }

    @Test
    void aDeviceWrittenInJavaIsForTheEnvironmentsThreadsAndRefusedToATargetInTheProcess() {
        create(CustomBdev.of("java", TestBackend.of(BLOCKS, BLOCK)));
        Map<String, ?> subsystem = Map.of("nqn", "nqn.2016-06.io.spdk:java", "allow_any_host", true);
        await(env.rpc().call("nvmf_create_subsystem", subsystem));
        failsWith(
                SpdkException.RpcFailed.class,
                () ->
                        env.rpc()
                                .call(
                                        "nvmf_subsystem_add_ns",
                                        Map.of(
                                                "nqn",
                                                "nqn.2016-06.io.spdk:java",
                                                "namespace",
                                                Map.of("bdev_name", "java"))));
        Device here = device(env.bdevs().get("java"));
        here.write(0, filled(3, BLOCK));
        assertThat(here.read(0, BLOCK)).containsOnly(3);
        await(env.rpc().call("nvmf_delete_subsystem", Map.of("nqn", "nqn.2016-06.io.spdk:java")));
    }
}
