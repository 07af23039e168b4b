package io.spdkio.core;

import io.spdkio.IoFuture;
import io.spdkio.bdev.Bdev;
import io.spdkio.blob.Blobstore;
import io.spdkio.blob.BlobstoreOptions;
import io.spdkio.blob.Blobstores;
import io.spdkio.spi.BlobErrors;
import io.spdkio.spi.Engine;
import io.spdkio.spi.EngineBdev;
import io.spdkio.spi.EngineBlobstore;
import io.spdkio.spi.EngineThread;

import java.util.Objects;
import java.util.concurrent.CompletionStage;

/** Makes and loads stores. */
final class CoreBlobstores implements Blobstores {
    private final CoreEnv env;
    private final Engine engine;

    CoreBlobstores(CoreEnv env, Engine engine) {
        this.env = env;
        this.engine = engine;
    }

    private interface Opener {
        CompletionStage<? extends EngineBlobstore> open(
                EngineThread mdThread, EngineBdev bdev, BlobstoreOptions options);
    }

    private IoFuture<Blobstore> open(Bdev bdev, BlobstoreOptions options, Opener opener) {
        Objects.requireNonNull(bdev, "bdev");
        Objects.requireNonNull(options, "options");
        env.checkOpen();
        if (!(bdev instanceof CoreBdev core) || core.env() != env) {
            throw new IllegalArgumentException("'" + bdev.name() + "' is no device of this environment");
        }
        CoreThread thread = env.current();
        if (thread == null) {
            throw new IllegalStateException(
                    "a blobstore on '"
                            + bdev.name()
                            + "' is opened on an SPDK thread, which its metadata then belongs to, and none is attached"
                            + " here; call SpdkEnv.attachThread first");
        }
        CoreFuture<Blobstore> future = new CoreFuture<>(thread);
        CompletionStage<? extends EngineBlobstore> stage;
        try {
            BlobErrors.checkBlocks(core.name(), core.blockSize());
            stage = opener.open(thread.engineThread(), core.device(), options);
        } catch (io.spdkio.SpdkException e) {
            future.completeExceptionally(e);
            return future;
        }
        thread.whileRunning(future, stage, store -> new CoreBlobstore(thread, core, store), EngineBlobstore::abandon);
        return future;
    }

    @Override
    public IoFuture<Blobstore> init(Bdev bdev, BlobstoreOptions options) {
        return open(bdev, options, engine::initBlobstore);
    }

    @Override
    public IoFuture<Blobstore> load(Bdev bdev, BlobstoreOptions options) {
        return open(bdev, options, engine::loadBlobstore);
    }
}
