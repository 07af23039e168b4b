package io.spdkio.embedded.tck;

import io.spdkio.blob.BlobId;
import io.spdkio.embedded.blob.format.Images;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.ResizeCutTck;

import java.lang.foreign.MemorySegment;
import java.util.List;

final class EmbeddedResizeCutTest extends ResizeCutTck {
    @Override
    protected EngineFixture fixture() {
        return EmbeddedFixture.INSTANCE;
    }

    @Override
    protected List<String> check(MemorySegment image) {
        return Images.check(image);
    }

    @Override
    protected List<Long> clusters(MemorySegment image, BlobId blob) {
        return Images.clusters(image, blob.value());
    }
}
