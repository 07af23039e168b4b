package io.spdkio.libspdk.tck;

import io.spdkio.blob.BlobId;
import io.spdkio.libspdk.RequiresSpdk;
import io.spdkio.libspdk.StoreReader;
import io.spdkio.tck.EngineFixture;
import io.spdkio.tck.ResizeCutTck;

import java.lang.foreign.MemorySegment;
import java.util.List;

@RequiresSpdk
class NativeResizeCutTest extends ResizeCutTck {
    @Override
    protected EngineFixture fixture() {
        return NativeFixture.INSTANCE;
    }

    @Override
    protected List<String> check(MemorySegment image) {
        return StoreReader.check(image);
    }

    @Override
    protected List<Long> clusters(MemorySegment image, BlobId blob) {
        return StoreReader.clusters(image, blob.value());
    }
}
