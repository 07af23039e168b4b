package io.spdkio.embedded.core;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.spdkio.IoChannel;
import io.spdkio.IoFuture;
import io.spdkio.SpdkEnv;
import io.spdkio.SpdkThread;
import io.spdkio.bdev.BdevDesc;
import io.spdkio.bdev.CustomBdev;
import io.spdkio.bdev.NullBdev;
import io.spdkio.bdev.OpenMode;
import io.spdkio.dma.DmaBuf;

import org.junit.jupiter.api.Test;

/** What a user's backend throws, wherever it is called, loses nothing of anyone else's. */
final class UserCodeTest extends CoreTest {
    private static final class Broken extends HeldBackend {
        boolean throwsInClose;
        boolean throwsInChannelClose;
        boolean throwsInOpen;
        boolean throwsInRegistered;
        int closes;

        @Override
        public void registered(Registration registration) {
            if (throwsInRegistered) {
                throw new IllegalStateException("on purpose");
            }
        }

        @Override
        public Channel openChannel(SpdkThread thread) {
            if (throwsInOpen) {
                throw new AssertionError("on purpose");
            }
            Channel channel = super.openChannel(thread);
            if (!throwsInChannelClose) {
                return channel;
            }
            return new Channel() {
                @Override
                public void submit(io.spdkio.bdev.BdevIo io) {
                    channel.submit(io);
                }

                @Override
                public void close() {
                    throw new IllegalStateException("on purpose");
                }
            };
        }

        @Override
        public void close() {
            closes++;
            if (throwsInClose) {
                throw new AssertionError("on purpose");
            }
        }
    }

    @Test
    void aBackendThatThrowsInCloseIsGoneAllTheSame() {
        Broken backend = new Broken();
        backend.throwsInClose = true;
        create(CustomBdev.of("c", backend));
        env.bdevs().destroy("c").join();
        assertThat(env.bdevs().find("c")).isEmpty();
        create(NullBdev.of("c", 4096));
    }

    @Test
    void aChannelThatThrowsInCloseIsReleasedAllTheSame() {
        reportsExpected = true;
        Broken backend = new Broken();
        backend.throwsInChannelClose = true;
        BdevDesc desc = open(CustomBdev.of("c", backend));
        IoChannel channel = thread.ioChannel(desc);
        IoFuture<Void> read = desc.read(channel, env.dma().allocate(512), 0, 512);
        thread.poll();
        desc.close();
        backend.completeAll(0);
        read.join();
        env.bdevs().destroy("c").join();
        assertThat(backend.closes).isEqualTo(1);
        assertThat(reported).hasSize(1);
    }

    @Test
    void aThreadExitsThoughAChannelThrowsInClose() {
        reportsExpected = true;
        Broken backend = new Broken();
        backend.throwsInChannelClose = true;
        BdevDesc desc = open(CustomBdev.of("c", backend));
        SpdkThread other = env.attachThread("other");
        assertThat(other.ioChannel(desc).outstanding()).isZero();
        other.close();
        assertThat(env.threads()).doesNotContain(other);
    }

    @Test
    void aChannelThatCantBeOpenedKeepsNothing() {
        Broken backend = new Broken();
        backend.throwsInOpen = true;
        BdevDesc desc = open(CustomBdev.of("c", backend));
        assertThatThrownBy(() -> thread.ioChannel(desc)).isInstanceOf(AssertionError.class);
        desc.close();
        env.bdevs().destroy("c").join();
        assertThat(backend.closes).isEqualTo(1);
    }

    @Test
    void aBackendThatThrowsWhenRegisteredMakesNoDevice() {
        Broken backend = new Broken();
        backend.throwsInRegistered = true;
        IoFuture<?> created = env.bdevs().create(CustomBdev.of("c", backend));
        pollUntil("the answer", created::isDone);
        assertThat(created).isCompletedExceptionally();
        assertThat(env.bdevs().list()).isEmpty();
        assertThat(backend.closes).isEqualTo(1);
        create(NullBdev.of("c", 4096));
    }

    @Test
    void anEnvironmentClosesThoughABackendThrows() {
        reportsExpected = true;
        Broken backend = new Broken();
        backend.throwsInClose = true;
        backend.throwsInChannelClose = true;
        BdevDesc desc = open(CustomBdev.of("c", backend));
        assertThat(thread.ioChannel(desc).outstanding()).isZero();
        env.close();
        SpdkEnv.builder().engine("embedded").build().close();
    }

    @Test
    void aBufferThatTheJdkUsesMeanwhileDoesNotKeepTheEnvironmentOpen() throws Exception {
        DmaBuf buffer = env.dma().allocate(4096);
        PipeWithReader pipe = new PipeWithReader(buffer);
        try {
            pipe.begin();
            env.close();
        } finally {
            pipe.end();
        }
        SpdkEnv.builder().engine("embedded").build().close();
    }

    /** Blocks in a read into the buffer, which keeps its memory from being freed. */
    private static final class PipeWithReader {
        private final java.nio.channels.Pipe pipe;
        private final Thread reader;

        PipeWithReader(DmaBuf buffer) throws java.io.IOException {
            pipe = java.nio.channels.Pipe.open();
            reader =
                    Thread.ofPlatform()
                            .daemon()
                            .unstarted(() -> {
                                try {
                                    int _ = pipe.source().read(buffer.byteBuffer());
                                } catch (java.io.IOException e) {
                                    // closed at the end
                                }
                            });
        }

        void begin() throws InterruptedException {
            reader.start();
            Thread.sleep(200);
        }

        void end() throws java.io.IOException, InterruptedException {
            pipe.sink().write(java.nio.ByteBuffer.allocate(1));
            reader.join();
            pipe.sink().close();
            pipe.source().close();
        }
    }

    @Test
    void aDescriptorClosedInsideItsOwnCompletionIsClosed() {
        HeldBackend backend = new HeldBackend();
        BdevDesc desc = create(CustomBdev.of("c", backend)).open(OpenMode.READ_WRITE);
        IoChannel channel = thread.ioChannel(desc);
        var closed = desc.read(channel, env.dma().allocate(512), 0, 512).thenRun(desc::close).thenRun(channel::close);
        thread.poll();
        backend.completeAll(0);
        closed.join();
        env.bdevs().destroy("c").join();
    }
}
